package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"time"

	"sensor-agent/internal/bus"
	"sensor-agent/internal/clock"
	"sensor-agent/internal/config"
	"sensor-agent/internal/doctor"
	"sensor-agent/internal/recording"
	"sensor-agent/publisher"
	"sensor-agent/publisher/outbox"
	"sensor-agent/sensors"
)

func doctorCommand() *subcommand {
	return &subcommand{
		name:    "doctor",
		args:    "[--config FILE] [--json]",
		summary: "looks for what keeps the agent from publishing, and says what to do",
		help: `It goes through configuration, systemd unit, supply, clock, disk, buses, sensors
and broker, a line each; docs/doctor.md explains them. With sudo it sees what
only the service may see. An agent that runs is left running; its sensors are
read beside it. Half a minute is the most it takes.

To prove that the broker lets the agent publish, it publishes one message on
each stream's topic: the true reading of this moment, with epoch and seq 0, not
retained; and the device's status as it is. To the control topic it sends an
empty command, which agents pass over.

The exit code is 0 if nothing has failed; warnings are allowed.`,
		run: runDoctor,
	}
}

// doctorTimeout bounds all checks together; each has a shorter time of its own.
const doctorTimeout = 30 * time.Second

func runDoctor(ctx context.Context, e *env, args []string) error {
	var s settings
	f := e.flags()
	s.register(f)
	s.registerBroker(f)
	asJSON := f.Bool("json", false, "print one JSON array, when all is done")
	if err := e.parse(f, args, 0); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	r := &report{out: e.stdout, lines: !*asJSON}
	examine(ctx, s, r)
	if *asJSON {
		text, err := json.MarshalIndent(r.found, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "%s\n", text)
	}
	return r.end()
}

// examine makes all checks. Those of the machine are made with or without a
// configuration.
func examine(ctx context.Context, s settings, r *report) {
	var machine doctor.Machine
	path, err := s.find()
	unit := machine.Unit()
	if unit != nil && err == nil && path != cmp.Or(unit.Config, configPaths[0]) {
		unit = nil
	}
	env := s.environment()
	if unit != nil {
		env.Lookup = unit.Environment(machine, os.LookupEnv)
	}
	var c *config.Config
	if err == nil {
		c, err = config.Load(path, env)
		r.add(doctor.Config(path, c, err)...)
	} else {
		r.add(doctor.Config("", nil, nil)...)
	}

	trust, dir, lines := config.ClockAuto, "", doctor.HeaderLines()
	if c != nil {
		trust, dir, lines = c.Clock, c.Outbox.Dir, linesOf(c)
	}
	r.add(machine.Service(ctx, unit))
	_, agent := machine.FindAgent(dir)
	r.add(agent, machine.Power())
	wall, _ := clock.New(clock.Trust(trust), "") // without a file there is no error
	r.add(doctor.WallClock(trust, wall.Synced()))
	if c != nil {
		r.add(doctor.Disk(dir, int64(c.Outbox.MaxSize), unit))
	}
	r.add(machine.Buses(lines, c != nil)...)
	r.add(machine.Access(unit, lines)...)
	if c != nil {
		r.add(machine.Addresses(c.Sensors)...)
		x := examination{ctx, c, env, machine, unit, wall}
		x.flow(r)
	}
}

// linesOf returns the buses that sensors are on, but not recordings of any.
func linesOf(c *config.Config) []doctor.Line {
	var lines []doctor.Line
	for _, s := range c.Sensors {
		l := doctor.Line{Kind: s.Kind, Name: s.Bus}
		if _, _, recorded := recording.CutName(s.Bus); recorded {
			continue
		}
		if s.Kind != sensors.NoBus && !slices.Contains(lines, l) {
			lines = append(lines, l)
		}
	}
	return lines
}

// examination is of what a configuration describes.
type examination struct {
	ctx     context.Context
	config  *config.Config
	env     config.Environment
	machine doctor.Machine
	unit    *doctor.Unit
	wall    *clock.Clock
}

// flow makes the checks along the way of a reading: from the sensors to the
// broker.
func (x *examination) flow(r *report) {
	buses := bus.New(slog.New(slog.DiscardHandler))
	defer buses.Close()
	read := func(ctx context.Context, s *config.Sensor, log *slog.Logger) (sensors.Reading, error) {
		return readOnce(ctx, s, func() (sensors.Wire, error) { return wire(s, buses, log) })
	}
	var readings []sensors.Reading
	var broker *url.URL
	var at time.Time
	login, loginErr := login(x.config, x.env, "")
	r.add(doctor.Together(
		func() (found []doctor.Finding) {
			at = time.Now()
			readings, found = doctor.Sensors(x.ctx, x.config.Sensors, read)
			return found
		},
		func() (found []doctor.Finding) {
			if loginErr != nil {
				return []doctor.Finding{doctor.NoLogin(loginErr, x.unit)}
			}
			broker, found = doctor.Brokers(x.ctx, brokerURLs(x.config), login, x.unit)
			return found
		},
	)...)
	if broker == nil {
		r.add(doctor.NoBroker()...)
		return
	}
	running := func() doctor.Running {
		now, _ := x.machine.FindAgent(x.config.Outbox.Dir)
		return now
	}
	messages := x.messages(at, readings, running())
	r.add(doctor.Together(
		func() []doctor.Finding { return doctor.Publishing(x.ctx, broker, login, messages) },
		func() []doctor.Finding {
			return []doctor.Finding{doctor.Control(x.ctx, broker, login, x.config.Control.Topic)}
		},
		func() []doctor.Finding {
			id := doctor.Identity{
				Device: x.config.Device, Login: login, Status: x.config.Topics.Status, State: x.config.Topics.State,
			}
			if running().Own {
				if s, err := outbox.Inspect(x.config.Outbox.Dir, nil); err == nil {
					id.Epoch = s.Epoch
				}
			}
			return []doctor.Finding{doctor.Identify(x.ctx, broker, id, running)}
		},
	)...)
}

// messages returns what an agent would publish now: a message of each stream,
// and whether it runs.
func (x *examination) messages(at time.Time, readings []sensors.Reading, running doctor.Running) []doctor.Message {
	var messages []doctor.Message
	for i, stream := range publishedStreams(x.config) {
		var own []sensors.Reading
		for _, s := range x.config.Streams[i].Sensors {
			own = append(own, readings[slices.Index(x.config.Sensors, s)])
		}
		m := doctor.Message{Topic: stream.Topic}
		if slices.ContainsFunc(own, hasValue) { // an agent makes no message of nothing
			m.Payload = publisher.Render(stream, x.config.Device, publisher.Timestamp(x.config.Message.Timestamp), x.wall, at, own)
		}
		messages = append(messages, m)
	}
	status := publisher.Offline
	if running.Own {
		status = publisher.Online
	}
	return append(messages, doctor.Message{Topic: x.config.Topics.Status, Payload: []byte(status)})
}

func hasValue(r sensors.Reading) bool { return slices.ContainsFunc(r, sensors.Measurement.Valid) }

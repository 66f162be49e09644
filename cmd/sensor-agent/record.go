package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"sensor-agent/internal/bus"
	"sensor-agent/internal/config"
	"sensor-agent/internal/recording"
	"sensor-agent/internal/sampler"
	"sensor-agent/sensors"
)

func recordCommand() *subcommand {
	return &subcommand{
		name:    "record",
		args:    "[--config FILE] [-o FILE] [--for 1m]",
		summary: "reads the sensors and writes to a file what goes over their buses, for a bug report",
		help: `The sensors are read in their streams, as the agent would, but without a broker.
It ends after the given time or at Ctrl-C. The file can be read, and played back
in place of the buses: see docs/recordings.md.

End the agent first (sudo systemctl stop sensor-agent), as both would use the
chips. Where it must not be ended: it keeps a recording by itself when a sensor
fails, in the folder recordings beside its outbox.`,
		run: func(ctx context.Context, e *env, args []string) error {
			var s settings
			f := e.flags()
			s.register(f)
			s.registerLog(f)
			path := f.String("o", "", "write to this `FILE` (default: named by date and time, in this folder)")
			length := f.Duration("for", time.Minute, "record for this `TIME`")
			if err := e.parse(f, args, 0); err != nil {
				return err
			}
			if *length <= 0 {
				return usageError("record: --for %v is no time to record for: write one such as 1m", *length)
			}
			c, err := s.load()
			if err != nil {
				return err
			}
			if *path == "" {
				*path = "sensor-agent-" + time.Now().UTC().Format("20060102T150405Z") + ".rec"
			}
			return record(ctx, e, c, *path, *length)
		},
	}
}

func record(ctx context.Context, e *env, c *config.Config, path string, length time.Duration) error {
	onBuses := recordedSensors(c)
	if len(onBuses) == 0 {
		return &exitError{exitConfig, errors.New("no sensor of the configuration is on an I2C or SPI bus: there is nothing to record")}
	}
	head := recording.Head{Version: version, Made: time.Now(), Sensors: onBuses}
	file, err := recording.Create(path, head)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "recording %d sensors for %v; Ctrl-C ends it\n", len(onBuses), length)
	err = sampleInto(ctx, c, file, length, newLog(e.stderr, c.Log))
	recorded, failed, closeErr := file.Close()
	if err == nil {
		err = closeErr
	}
	fmt.Fprintf(e.stdout, `%d transactions, %d of them failed: %s
It holds what went over the buses, and the keys of the sensors on them: no
password, and nothing else of the configuration. To play it back, see its head.
`, recorded, failed, path)
	if err == nil && recorded == 0 {
		err = &exitError{exitUnavailable, errors.New("nothing went over a bus: if no reason stands above, record for longer")}
	}
	return err
}

// sampleInto samples as the agent does, until ctx ends, the time is over, or the
// recording cannot go on.
func sampleInto(ctx context.Context, c *config.Config, file *recording.Writer, length time.Duration, log *slog.Logger) error {
	buses := bus.New(log)
	defer buses.Close()
	buses.Record(file.Record)
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	// Whatever intervals have been commanded since, as configured.
	streams := sampledStreams(c, func(i int) time.Duration { return c.Streams[i].Interval })
	sampling := sampler.New(sampledSensors(c, buses, log), streams,
		func(sampler.Tick) {}, func(int, sampler.Health) {}, log)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return file.Run(ctx) })
	g.Go(func() error { return sampling.Run(ctx) })
	return g.Wait()
}

// recordedSensors are the sensors on buses, as the head of a recording has them.
func recordedSensors(c *config.Config) []recording.Sensor {
	var list []recording.Sensor
	for _, s := range c.Sensors {
		if s.Kind != sensors.NoBus {
			list = append(list, recording.Sensor{Bus: recordedBus(s), Keys: s.Written})
		}
	}
	return list
}

// recordedBus is what a recording calls the bus of a sensor; "" for a bus of
// another recording, of which only that knows.
func recordedBus(s *config.Sensor) string {
	if _, bus, ok := recording.CutName(s.Bus); ok {
		return bus
	}
	return string(s.Kind) + "-" + s.Bus
}

package main

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sensor-agent/internal/bus"
	"sensor-agent/internal/conditioning"
	"sensor-agent/internal/config"
	"sensor-agent/internal/sampler"
	"sensor-agent/internal/systemd"
	"sensor-agent/publisher"
	"sensor-agent/sensors"
)

func runCommand() *subcommand {
	return &subcommand{
		name:    "run",
		args:    "[--config FILE]",
		summary: "reads the configured sensors and publishes what they measure",
		help: `It starts without a broker and without sensors, and goes on trying both.
SIGINT or SIGTERM ends it: what is under way to the broker is waited for, for
five seconds at most. A second signal ends it at once.`,
		run: func(ctx context.Context, e *env, args []string) error {
			var s settings
			f := e.flags()
			s.register(f)
			s.registerBroker(f)
			s.registerLog(f)
			if err := e.parse(f, args, 0); err != nil {
				return err
			}
			c, err := s.load()
			if err != nil {
				return err
			}
			l, err := login(c, s.environment(), "")
			if err != nil {
				return err
			}
			return run(ctx, c, l, newLog(e.stderr, c.Log))
		},
	}
}

// run is the agent:
//
//	bus ── driver ── sensor ──┐                                          ┌── broker
//	bus ── driver ── sensor ──┼─ stream ─ message ─ outbox ─ session ────┤
//	simulated ────── sensor ──┘    ▲                                     └── status, state
//	                               └──────── control ◄──── any MQTT client
//
// A stream's tick reads its sensors (sampler), becomes a message in the outbox
// (publisher) and is sent from there. A command comes in through the same
// connection, is decided on (control) and gives streams new intervals.
func run(ctx context.Context, c *config.Config, login publisher.Login, log *slog.Logger) error {
	queue, err := openOutbox(c, log)
	if err != nil {
		return err
	}
	defer closeOutbox(queue, log)
	buses := bus.New(log)
	defer buses.Close()
	flight := newFlightRecorder(c, buses, log)
	wall := newClock(c, log)
	tuner := newTuner(c, log)

	var sampling *sampler.Sampler
	messages := publisher.New(publisher.Options{
		Device:  c.Device,
		Brokers: brokerURLs(c),
		Login:   login,
		Topics: publisher.Topics{
			Status: c.Topics.Status, Event: c.Topics.Event, Ack: c.Topics.Ack, Control: c.Control.Topic,
		},
		Streams:   publishedStreams(c),
		Timestamp: publisher.Timestamp(c.Message.Timestamp),
		Outbox:    queue,
		Clock:     wall,
		Drain:     c.Outbox.Drain,
		Retained:  retained(c, func() deviceState { return state(c, tuner, sampling, buses, queue) }, func(i int) sampler.Health { return sampling.Health(i) }),
		Log:       log,
	})
	sampling = sampler.New(watched(sampledSensors(c, buses, log), c, flight), sampledStreams(c, tuner.control.Interval),
		deliver(c, messages),
		func(i int, h sampler.Health) {
			messages.StateChanged()
			if h.Bad() {
				flight.Keep(c.Sensors[i].Name, h.String())
			}
		}, log)

	log.Info("sensor-agent "+version, "device", c.Device, "epoch", queue.Epoch(), "sensors", len(c.Sensors), "streams", len(c.Streams))
	systemd.Notify("READY=1")
	defer context.AfterFunc(ctx, func() { systemd.Notify("STOPPING=1") })()

	// First the sampling ends, then what it has brought is sent.
	publishing, stopPublishing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopPublishing()
	var g errgroup.Group
	g.Go(func() error { return messages.Run(publishing) })
	g.Go(func() error {
		defer stopPublishing()
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return sampling.Run(ctx) })
		g.Go(func() error { return tuner.run(ctx, messages, sampling) })
		g.Go(func() error { return watchClock(ctx, wall, messages, log) })
		g.Go(func() error { return flight.Run(ctx) })
		return g.Wait()
	})
	return g.Wait()
}

func brokerURLs(c *config.Config) []*url.URL {
	var urls []*url.URL
	for _, b := range c.MQTT.Brokers {
		urls = append(urls, b.URL)
	}
	return urls
}

func sampledSensors(c *config.Config, buses *bus.Buses, log *slog.Logger) []sampler.Sensor {
	var list []sampler.Sensor
	for _, s := range c.Sensors {
		log := slog.New(once{log.With("sensor", s.Name).Handler(), new(sync.Map)})
		plan := s.Plan
		plan.Outputs = slices.Clone(plan.Outputs)
		for i, f := range s.Fields {
			plan.Outputs[i].Key = f.Key // health speaks of what is published
		}
		list = append(list, sampler.Sensor{
			Name:   s.Name,
			Plan:   plan,
			Wire:   func() (sensors.Wire, error) { return wire(s, buses, log) },
			Bus:    string(s.Kind) + s.Bus,
			Reopen: func() { buses.Reopen(s.Kind, s.Bus) },
		})
	}
	return list
}

// wire connects a sensor with its bus; log is the sensor's.
func wire(s *config.Sensor, buses *bus.Buses, log *slog.Logger) (w sensors.Wire, err error) {
	w = sensors.Wire{Address: s.Address, Log: log}
	switch s.Kind {
	case sensors.I2C:
		w.I2C, err = buses.I2C(s.Bus)
	case sensors.SPI:
		w.SPI, err = buses.SPI(s.Bus)
	}
	return w, err
}

func sampledStreams(c *config.Config, interval func(stream int) time.Duration) []sampler.Stream {
	var list []sampler.Stream
	for i, s := range c.Streams {
		stream := sampler.Stream{Name: s.Name, Interval: interval(i)}
		for _, sensor := range s.Sensors {
			stream.Sensors = append(stream.Sensors, slices.Index(c.Sensors, sensor))
		}
		list = append(list, stream)
	}
	return list
}

// deliver returns what publishes the ticks of the streams: all of them, or of a
// stream with only_on_change those that are news.
func deliver(c *config.Config, messages *publisher.Publisher) func(sampler.Tick) {
	var changes []*conditioning.Changes
	for _, s := range c.Streams {
		changes = append(changes, s.Changes())
	}
	return func(t sampler.Tick) {
		if changes[t.Stream].Pass(t.At, t.Readings) {
			messages.Publish(t.Stream, t.At, t.Readings)
		}
	}
}

func publishedStreams(c *config.Config) []publisher.Stream {
	var list []publisher.Stream
	for _, s := range c.Streams {
		stream := publisher.Stream{
			Name: s.Name, Topic: s.Topic, QoS: s.QoS, Retain: s.Retain, Format: publisher.Format(s.Format),
		}
		for _, sensor := range s.Sensors {
			var fields []publisher.Field
			for _, f := range sensor.Fields {
				fields = append(fields, publisher.Field{Key: f.Key, Decimals: f.Decimals})
			}
			stream.Fields = append(stream.Fields, fields)
		}
		list = append(list, stream)
	}
	return list
}

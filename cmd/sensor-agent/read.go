package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sensor-agent/internal/advice"
	"sensor-agent/internal/bus"
	"sensor-agent/internal/clock"
	"sensor-agent/internal/config"
	"sensor-agent/publisher"
	"sensor-agent/sensors"
)

func readCommand() *subcommand {
	return &subcommand{
		name:    "read",
		args:    "[--config FILE]",
		summary: "reads each configured sensor once and prints the message, without a broker",
		help: `What could not be read is null, and the reason is told on standard error; the
exit code is then 69. Epoch and seq are 0: the message belongs to no run.`,
		run: func(ctx context.Context, e *env, args []string) error {
			var s settings
			f := e.flags()
			s.register(f)
			s.registerLog(f)
			if err := e.parse(f, args, 0); err != nil {
				return err
			}
			c, err := s.load()
			if err != nil {
				return err
			}
			return read(ctx, e, c)
		},
	}
}

// readTimeout bounds opening and reading all sensors.
const readTimeout = 20 * time.Second

func read(ctx context.Context, e *env, c *config.Config) error {
	log := newLog(e.stderr, c.Log)
	buses := bus.New(log)
	defer buses.Close()
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()

	wall, err := clock.New(clock.Trust(c.Clock), "")
	if err != nil {
		return err
	}
	at := time.Now()
	readings := make([]sensors.Reading, len(c.Sensors))
	errs := make([]error, len(c.Sensors))
	var wg sync.WaitGroup
	for i, s := range c.Sensors {
		wg.Go(func() {
			readings[i], errs[i] = readOnce(ctx, s, func() (sensors.Wire, error) { return wire(s, buses, log.With("sensor", s.Name)) })
		})
	}
	wg.Wait()

	fmt.Fprintf(e.stdout, "%s\n", publisher.Render(everything(c), c.Device, publisher.Timestamp(c.Message.Timestamp), wall, at, readings))
	failed := 0
	for i, s := range c.Sensors {
		if errs[i] != nil {
			failed++
			fmt.Fprintf(e.stderr, "sensor %s: %v\n", s.Name, errs[i])
			continue
		}
		for j, m := range readings[i] {
			switch {
			case !m.Valid():
				fmt.Fprintf(e.stderr, "sensor %s: no value for %s: %s\n", s.Name, s.Fields[j].Key, m.Reason)
			case m.Quality != sensors.Good:
				fmt.Fprintf(e.stderr, "sensor %s: %s is %s: %s\n", s.Name, s.Fields[j].Key, m.Quality, m.Reason)
			}
		}
	}
	if failed > 0 {
		return &exitError{exitUnavailable, fmt.Errorf("%d of %d sensors could not be read", failed, len(c.Sensors))}
	}
	return nil
}

// readOnce opens a sensor, reads it and closes it. A driver that does not heed
// ctx is left behind when it ends.
func readOnce(ctx context.Context, s *config.Sensor, wire func() (sensors.Wire, error)) (sensors.Reading, error) {
	type result struct {
		reading sensors.Reading
		err     error
	}
	began := time.Now()
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() { done <- r }()
		w, err := wire()
		if err != nil {
			r.err = err
			return
		}
		sensor, err := s.Plan.Open(ctx, w)
		if err != nil {
			r.err = err
			return
		}
		defer sensor.Close()
		r.reading, r.err = sensor.Read(ctx)
	}()
	select {
	case r := <-done:
		return r.reading, r.err
	case <-ctx.Done():
		return nil, advice.To(
			fmt.Errorf("no answer within %v: a bus or the driver hangs", time.Since(began).Round(time.Second)),
			"check the wiring, or take the power from the sensor for a moment")
	}
}

// everything is a stream of all sensors. Keys that sensors of different
// streams share get the sensor's name before them.
func everything(c *config.Config) publisher.Stream {
	count := map[string]int{}
	for _, s := range c.Sensors {
		for _, f := range s.Fields {
			count[f.Key]++
		}
	}
	stream := publisher.Stream{Format: publisher.JSON}
	for _, s := range c.Sensors {
		var fields []publisher.Field
		for _, f := range s.Fields {
			key := f.Key
			if count[key] > 1 {
				key = s.Name + "_" + key
			}
			fields = append(fields, publisher.Field{Key: key, Decimals: f.Decimals})
		}
		stream.Fields = append(stream.Fields, fields)
	}
	return stream
}

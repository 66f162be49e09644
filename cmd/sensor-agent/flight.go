package main

import (
	"log/slog"
	"path/filepath"

	"sensor-agent/internal/bus"
	"sensor-agent/internal/config"
	"sensor-agent/internal/recording"
	"sensor-agent/internal/sampler"
)

// newFlightRecorder makes the recorder that listens on the buses all the time
// and keeps what it has heard when a sensor fails, beside the outbox. An agent
// that keeps no outbox on the disk keeps no recordings there either.
func newFlightRecorder(c *config.Config, buses *bus.Buses, log *slog.Logger) *recording.Recorder {
	dir := ""
	if c.Outbox.Dir != "" {
		dir = filepath.Join(c.Outbox.Dir, "recordings")
	}
	r := recording.NewRecorder(dir, version, log)
	buses.Record(r.Record)
	return r
}

// watched has the recorder know the sensors by name.
func watched(list []sampler.Sensor, c *config.Config, r *recording.Recorder) []sampler.Sensor {
	for i, s := range c.Sensors {
		list[i].Plan = r.Watch(s.Name, s.Written, list[i].Plan)
	}
	return list
}

package main

import (
	"encoding/json"

	"sensor-agent/control"
	"sensor-agent/internal/config"
	"sensor-agent/internal/sampler"
	"sensor-agent/publisher/outbox"
)

// deviceState is what the agent retains on its state topic.
type deviceState struct {
	Version string                         `json:"version"`
	Epoch   uint64                         `json:"epoch"`
	Streams map[string]control.StreamState `json:"streams"`
	Missed  map[string]int64               `json:"missed,omitempty"` // ticks skipped, per stream
	Sensors map[string]sensorState         `json:"sensors"`
	Outbox  outboxState                    `json:"outbox"`
}

type sensorState struct {
	Health   string `json:"health"`             // ok, starting, or what is wrong
	Failures int    `json:"failures,omitempty"` // readings failed in a row
}

type outboxState struct {
	Held    int64 `json:"held"`    // messages
	Bytes   int64 `json:"bytes"`   // of them
	Dropped int64 `json:"dropped"` // since the start, for want of room
}

func state(c *config.Config, epoch uint64, t *tuner, s *sampler.Sampler, q outbox.Outbox) []byte {
	stats := q.Stats()
	d := deviceState{
		Version: version,
		Epoch:   epoch,
		Streams: t.state(),
		Sensors: map[string]sensorState{},
		Outbox:  outboxState{Held: int64(stats.Held), Bytes: int64(stats.Bytes), Dropped: int64(stats.Dropped)},
	}
	for i, sensor := range c.Sensors {
		h := s.Health(i)
		d.Sensors[sensor.Name] = sensorState{Health: h.String(), Failures: h.Failures}
	}
	for i, stream := range c.Streams {
		if n := s.Missed(i); n > 0 {
			if d.Missed == nil {
				d.Missed = map[string]int64{}
			}
			d.Missed[stream.Name] = n
		}
	}
	text, err := json.Marshal(d)
	if err != nil {
		return []byte("{}") // texts and finite numbers: cannot be
	}
	return text
}

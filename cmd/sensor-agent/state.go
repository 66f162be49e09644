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

// outboxState counts messages; what it counts began with the agent.
type outboxState struct {
	Held    uint64 `json:"held"`    // waiting for the broker
	Bytes   int64  `json:"bytes"`   // what they take on the disk
	Dropped uint64 `json:"dropped"` // for want of room
	Damaged uint64 `json:"damaged,omitempty"`
	Written uint64 `json:"written"`          // bytes handed to the disk
	Health  string `json:"health,omitempty"` // what is wrong
}

func state(c *config.Config, t *tuner, s *sampler.Sampler, q *outbox.Queue) []byte {
	stats := q.Stats()
	d := deviceState{
		Version: version,
		Epoch:   q.Epoch(),
		Streams: t.state(),
		Sensors: map[string]sensorState{},
		Outbox: outboxState{
			Held: stats.Held, Bytes: stats.Bytes, Dropped: stats.Dropped, Damaged: stats.Damaged,
			Written: stats.BytesWritten, Health: stats.Health,
		},
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

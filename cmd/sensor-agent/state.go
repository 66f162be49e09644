package main

import (
	"encoding/json"

	"sensor-agent/control"
	"sensor-agent/internal/bus"
	"sensor-agent/internal/config"
	"sensor-agent/internal/sampler"
	"sensor-agent/publisher"
	"sensor-agent/publisher/outbox"
)

// deviceState is what the agent retains on its state topic.
type deviceState struct {
	Version string                         `json:"version"`
	Epoch   uint64                         `json:"epoch"`
	Streams map[string]control.StreamState `json:"streams"`
	Missed  map[string]int64               `json:"missed,omitempty"` // ticks skipped, per stream
	Sensors map[string]sensorState         `json:"sensors"`
	Buses   map[string]busState            `json:"buses,omitempty"` // by device node
	Outbox  outboxState                    `json:"outbox"`
}

// busState counts transactions since the agent's start.
type busState struct {
	Transactions uint64 `json:"transactions"`
	Errors       uint64 `json:"errors"`
	Abandoned    uint64 `json:"abandoned,omitempty"` // had no answer in time
	Hung         int    `json:"hung,omitempty"`      // have not come back since
}

// sensorState is also what is retained on the topic of each sensor.
type sensorState struct {
	Health   string `json:"health"`             // ok, starting, or what is wrong
	Failures int    `json:"failures,omitempty"` // readings in a row that failed or were suspect
	Retries  uint64 `json:"retries,omitempty"`  // since the start: readings repeated at once,
	Resets   uint64 `json:"resets,omitempty"`   // chips reset
	Reopens  uint64 `json:"reopens,omitempty"`  // and buses opened anew for it
}

func busStates(b *bus.Buses) map[string]busState {
	states := map[string]busState{}
	for _, s := range b.Stats() {
		states[s.Bus] = busState{s.Transactions, s.Errors, s.Abandoned, s.Hung}
	}
	return states
}

func stateOf(h sampler.Health) sensorState {
	return sensorState{h.String(), h.Failures, h.Steps.Retries, h.Steps.Resets, h.Steps.Reopens}
}

// retained is what the broker is to keep: the state of the device, and that of
// each sensor by itself.
func retained(c *config.Config, state func() deviceState, health func(sensor int) sampler.Health) []publisher.Retained {
	list := []publisher.Retained{{Topic: c.Topics.State, Payload: func() []byte { return marshal(state()) }}}
	for i, s := range c.Sensors {
		list = append(list, publisher.Retained{
			Topic:   c.Topics.Of(s),
			Payload: func() []byte { return marshal(stateOf(health(i))) },
		})
	}
	return list
}

// marshal encodes texts and finite numbers, which cannot fail.
func marshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return []byte("{}")
	}
	return text
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

func state(c *config.Config, t *tuner, s *sampler.Sampler, b *bus.Buses, q *outbox.Queue) deviceState {
	stats := q.Stats()
	d := deviceState{
		Version: version,
		Epoch:   q.Epoch(),
		Streams: t.state(),
		Sensors: map[string]sensorState{},
		Buses:   busStates(b),
		Outbox: outboxState{
			Held: stats.Held, Bytes: stats.Bytes, Dropped: stats.Dropped, Damaged: stats.Damaged,
			Written: stats.BytesWritten, Health: stats.Health,
		},
	}
	for i, sensor := range c.Sensors {
		d.Sensors[sensor.Name] = stateOf(s.Health(i))
	}
	for i, stream := range c.Streams {
		if n := s.Missed(i); n > 0 {
			if d.Missed == nil {
				d.Missed = map[string]int64{}
			}
			d.Missed[stream.Name] = n
		}
	}
	return d
}

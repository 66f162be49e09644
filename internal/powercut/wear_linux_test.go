package powercut

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"sensor-agent/publisher/outbox"
)

// maxWear is what a reading may cost the card with `sync: lazy` while the
// broker keeps up, in bytes.
const maxWear = 400

// TestWear measures what reaches the card while ten readings a second are
// made and acknowledged at once.
func TestWear(t *testing.T) {
	if *wear == 0 {
		t.Skip("runs only when asked to: make powercut")
	}
	program, empty := ready(t)
	for _, policy := range []outbox.Sync{outbox.Lazy, outbox.Each} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			s := newSink(t)
			d := newDevice(empty)
			dir, unmount := mount(t, d)
			defer unmount()
			a := start(t, program, fmt.Sprintf(`
device: powercut
mqtt: {brokers: ["tcp://%s"]}
topics: {state: %s, event: %s}
streams: [{name: main, topic: %s, interval: 100ms}]
control: {topic: %s, remember: false}
sensors: [{name: count, driver: simulated, shape: counter}, {name: sim, driver: simulated}]
outbox: {dir: %q, sync: %s}
log: {level: debug, format: json}
`, s.addr, stateTopic, eventTopic, valueTopic, controlTopic, filepath.Join(dir, "outbox"), policy), false)
			defer a.kill()

			time.Sleep(10 * time.Second) // ext4 is done with what the start has brought
			before := measure(t, d, s)
			time.Sleep(*wear)
			after := measure(t, d, s)

			readings := float64(after.readings - before.readings)
			perReading := float64(after.bytes-before.bytes) / readings
			t.Logf("sync: %s: %.0f readings in %v: %.0f bytes written to the card for each, %.3f flushes; the agent counts %.0f",
				policy, readings, *wear, perReading, float64(after.flushes-before.flushes)/readings,
				float64(after.written-before.written)/readings)
			if policy == outbox.Lazy && perReading > maxWear {
				t.Errorf("more than %d bytes a reading", maxWear)
			}
		})
	}
}

// A measure is what was counted up to an instant.
type measured struct {
	deviceStats
	readings int
	written  int64 // bytes handed to the kernel, by the agent's own count
}

func measure(t *testing.T, d *device, s *sink) measured {
	t.Helper()
	m := measured{deviceStats: d.counted(), readings: s.received()}
	states := s.stateCount()
	s.send(controlTopic, `{"interval":"100ms"}`) // its state is told anew then
	if !eventually(5*time.Second, func() bool { return s.stateCount() > states }) {
		t.Fatal("the agent does not tell its state")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var state struct{ Outbox struct{ Written int64 } }
	if err := json.Unmarshal([]byte(s.states[len(s.states)-1]), &state); err != nil {
		t.Fatal(err)
	}
	m.written = state.Outbox.Written
	return m
}

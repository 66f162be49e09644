package powercut

import (
	"fmt"
	"testing"
	"time"

	"sensor-agent/publisher/outbox"
)

// maxWear is how many bytes a reading may cost the card with `sync: lazy` while
// the broker keeps up.
const maxWear = 400

// TestWear measures what reaches the card while ten readings a second are made,
// and acknowledged at once.
func TestWear(t *testing.T) {
	if *wear == 0 {
		t.Skip("runs when asked to: make powercut")
	}
	ready(t)
	t.Parallel()
	for _, policy := range []outbox.Sync{outbox.Lazy, outbox.Each} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			s := newSink(t)
			d := newDevice(format(t))
			k := mount(t, d)
			defer k.unmount(t)
			a := startAgent(t, fmt.Sprintf(`
device: powercut
mqtt: {brokers: ["tcp://%s"]}
topics: {state: %s, event: %s}
streams: [{name: main, topic: %s, interval: 100ms}]
control: {topic: %s, remember: false}
sensors: [{name: count, driver: simulated, shape: counter}, {name: sim, driver: simulated}]
outbox: {dir: %q, sync: %s}
log: {level: debug, format: json}
`, s.addr, stateTopic, eventTopic, valueTopic, controlTopic, k.outbox, policy), false)
			defer a.kill()

			time.Sleep(10 * time.Second) // ext4 is done with what the start has brought
			before := measure(t, d, s)
			time.Sleep(*wear)
			after := measure(t, d, s)
			if err := a.kill(); err != nil {
				t.Fatal(err)
			}

			readings := float64(after.readings - before.readings)
			perReading := float64(after.bytes-before.bytes) / readings
			t.Logf("sync: %s: %.0f readings in %v: each costs the card %.0f bytes and %.3f flushes; by the agent's count it is %.0f bytes",
				policy, readings, *wear, perReading, float64(after.flushes-before.flushes)/readings, float64(after.written-before.written)/readings)
			if policy == outbox.Lazy && perReading > maxWear {
				t.Errorf("%.0f bytes a reading are more than %d", perReading, maxWear)
			}
		})
	}
}

// A measure is what was counted up to an instant.
type measured struct {
	traffic
	readings int
	written  int64 // bytes handed to the kernel, as the agent counts them
}

func measure(t *testing.T, d *device, s *sink) measured {
	t.Helper()
	m := measured{traffic: d.traffic(), readings: s.readings()}
	_, before := s.state()
	s.send(controlTopic, `{"interval":"100ms"}`) // changes nothing, but the state is told anew
	if !eventually(func() bool { _, n := s.state(); return n > before }) {
		t.Fatal("the agent has not told its state")
	}
	newest, _ := s.state()
	m.written = newest.Outbox.Written
	return m
}

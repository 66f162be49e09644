package main

import (
	"syscall"
	"testing"
)

// A stream that publishes changes only leaves no hole in the numbers of its
// messages, and the one beside it is published at every tick.
func TestOnlyChangesArePublished(t *testing.T) {
	t.Parallel()
	p, c := started(t, `
sensors: [{name: count, driver: simulated, shape: counter}]
streams:
  - {name: main, interval: 10ms, only_on_change: {delta: 10}}
  - {name: all, topic: iot/all/value, interval: 10ms, format: value}
`)
	for range 5 {
		c.next(valueTopic)
	}
	messages := c.messages()
	for i, m := range messages[1:] {
		before := messages[i]
		if m.Value == nil || before.Value == nil || *m.Value-*before.Value < 10 && *m.Value > *before.Value {
			t.Errorf("message %d changes from %v to %v", i+1, before.Value, m.Value)
		}
		if m.Seq != before.Seq+1 {
			t.Errorf("message %d has seq %d, after %d", i+1, m.Seq, before.Seq)
		}
	}
	if all := len(c.on("iot/all/value")); all < 5*len(messages) {
		t.Errorf("%d messages of changes, %d of all", len(messages), all)
	}
	p.stop(syscall.SIGTERM)
}

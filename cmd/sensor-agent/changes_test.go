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
	const wanted = 8
	messages := c.all(p.epoch(), wanted)
	for seq := uint64(2); seq <= wanted; seq++ {
		before, now := messages[seq-1].Value, messages[seq].Value
		if before == nil || now == nil {
			continue // a busy machine can let a reading be late: that is a change, too
		}
		if *now-*before < 10 && *now > *before {
			t.Errorf("message %d changes from %v to %v", seq, *before, *now)
		}
	}
	until(t, "there are many more messages of all", func() bool { return len(c.on("iot/all/value")) > 2*len(c.messages()) })
	p.stop(syscall.SIGTERM)
}

package main

import (
	"fmt"
	"syscall"
	"testing"

	"sensor-agent/internal/mosquitto"
)

// Who subscribes at any time learns whether the device is there.
func TestStatusIsRetainedAndTrue(t *testing.T) {
	t.Parallel()
	m := mosquitto.Start(t)
	home := t.TempDir()
	status := func(want string) {
		t.Helper()
		until(t, "a new subscriber is told "+want, func() bool {
			late := connect(t, m.URL())
			r := late.next(statusTopic)
			return string(r.Payload) == want && r.Retained
		})
	}
	watcher := connect(t, m.URL())
	p := startAgent(t, home, m.URL(), weather)
	status("online")
	p.stop(syscall.SIGTERM)
	status("offline")
	p = startAgent(t, home, m.URL(), weather)
	status("online")
	p.kill() // it could not say goodbye: its last will is published
	status("offline")

	for _, want := range []string{"online", "offline", "online", "offline"} {
		if r := watcher.next(statusTopic); string(r.Payload) != want {
			t.Errorf("a subscriber from the start saw %s, want %s", r.Payload, want)
		}
	}
	if all := watcher.on(statusTopic); len(all) != 4 {
		t.Errorf("a subscriber from the start saw %v", all)
	}
}

func TestStateTellsWhatIsInForce(t *testing.T) {
	t.Parallel()
	m := mosquitto.Start(t)
	first := connect(t, m.URL())
	p := startAgent(t, t.TempDir(), m.URL(), twoStream)
	first.next(stateTopic)
	first.command(`{"interval":0.5,"stream":"main"}`)
	first.inForce(0.5)

	late := connect(t, m.URL())
	r := late.next(stateTopic)
	if !r.Retained {
		t.Error("the state is not retained")
	}
	if r := late.next("iot/greenhouse/sensor/sim"); !r.Retained {
		t.Errorf("the sensor's own topic is not retained: %s", r.Payload)
	}
	until(t, "the sensor's own topic says that it is well", func() bool {
		all := late.on("iot/greenhouse/sensor/sim")
		return string(all[len(all)-1].Payload) == `{"health":"ok"}`
	})
	s := late.state("a sensor", func(s told) bool { return s.Sensors["sim"].Health == "ok" })
	if s.Version != testVersion || s.Epoch != p.epoch() {
		t.Errorf("version %s, epoch %d", s.Version, s.Epoch)
	}
	if got, want := fmt.Sprint(s.Streams), "map[main:{0.5 1 } slow:{60 60 }]"; got != want {
		t.Errorf("streams %s, want %s", got, want)
	}
	if o := s.Outbox; o.Held == nil || o.Bytes == nil || o.Dropped == nil || *o.Dropped != 0 {
		t.Errorf("outbox in the state: %s", r.Payload)
	}
}

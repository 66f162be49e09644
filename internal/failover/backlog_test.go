package failover

import (
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"

	"sensor-agent/internal/clock"
	"sensor-agent/internal/mosquitto"
	"sensor-agent/publisher"
	"sensor-agent/publisher/outbox"
	"sensor-agent/sensors"
)

// backlog is how many readings an agent has in its outbox when its broker is
// back. A long backlog takes minutes to drain.
func backlog() int {
	if os.Getenv("SENSOR_AGENT_TEST_LONG") != "" {
		return 100_000
	}
	return 5_000
}

// A mosquitto as it comes queues 1000 messages for a subscriber and drops, of
// what it has acknowledged, all that is more. It drops nothing of a backlog,
// although the subscriber is busy with something else at first.
func TestBacklog(t *testing.T) {
	t.Parallel()
	const busy = 600 * time.Millisecond // at 500 a second it may be three times as long, on a slow machine
	server := mosquitto.Start(t, "allow_anonymous true", "set_tcp_nodelay false")
	s := subscribe(t, server.Port)
	dir := t.TempDir()
	held := fill(t, dir, backlog())

	s.signal(syscall.SIGSTOP)
	a := startAgent(t, time.Second, fmt.Sprintf("dir: %q", dir), server.URL())
	time.Sleep(busy)
	s.signal(syscall.SIGCONT)
	untilWithin(t, 5*time.Minute, "the backlog has come", func() bool { return s.missing(held) == 0 })
	a.stop()
	all := s.messages(valueTopic, time.Time{})
	took := all[len(all)-1].at.Sub(all[0].at) + busy // the first was noted after that
	t.Logf("a backlog of %d came at %.0f readings/s; by the consumer's rule: %s",
		len(held), float64(len(all)-1)/took.Seconds(), s.rule.Summary())
	s.inOrder()
}

// Without a pace, to a broker that queues whatever comes, it loses nothing
// either. How fast that is, make bench tells.
func TestUnpacedBacklog(t *testing.T) {
	t.Parallel()
	server := mosquitto.Start(t, "allow_anonymous true", "max_queued_messages 0")
	s := subscribe(t, server.Port)
	dir := t.TempDir()
	held := fill(t, dir, backlog())
	a := startAgent(t, time.Hour, fmt.Sprintf("dir: %q, drain: 0", dir), server.URL())
	until(t, "the backlog has come", func() bool { return s.missing(held) == 0 })
	a.stop()
	s.inOrder()
}

// fill puts a backlog of readings into an outbox, as an agent does whose
// broker is away.
func fill(t *testing.T, dir string, n int) []id {
	t.Helper()
	q, err := outbox.Open(dir, outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	wall, err := clock.New(clock.Always, "")
	if err != nil {
		t.Fatal(err)
	}
	var fields []publisher.Field
	var reading sensors.Reading
	for _, key := range []string{"light", "temp", "humi", "pressure", "gas"} {
		fields = append(fields, publisher.Field{Key: key, Decimals: 2})
		reading = append(reading, sensors.Value(1013.25))
	}
	p := publisher.New(publisher.Options{
		Device:  "greenhouse",
		Topics:  publisher.Topics{Event: "iot/greenhouse/event"},
		Streams: []publisher.Stream{{Name: "main", Topic: valueTopic, QoS: 1, Fields: [][]publisher.Field{fields}}},
		Outbox:  q,
		Clock:   wall,
		Log:     slog.New(slog.DiscardHandler),
	})
	var held []id
	for seq := range n {
		p.Publish(0, time.Now(), []sensors.Reading{reading})
		held = append(held, id{q.Epoch(), uint64(seq + 1)})
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	return held
}

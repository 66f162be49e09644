package publisher

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"sensor-agent/internal/clock"
	"sensor-agent/publisher/outbox"
	"sensor-agent/sensors"
)

// With `sync: each`, streams that tick together wait for the disk together: a
// slow card then makes none of them wait for all others in turn.
func TestStreamsShareSyncs(t *testing.T) {
	const streams, ticks = 16, 50
	q, err := outbox.Open(t.TempDir(), outbox.Options{Sync: outbox.Each, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	wall, err := clock.New(clock.Always, "")
	if err != nil {
		t.Fatal(err)
	}
	p := New(Options{
		Device:  "greenhouse",
		Topics:  Topics{Event: "d/event"},
		Streams: []Stream{{Name: "main", Topic: "d/value", QoS: 1, Fields: [][]Field{{{"n", 0}}}}},
		Outbox:  q, Clock: wall, Log: slog.New(slog.DiscardHandler),
	})
	began := time.Now()
	var all sync.WaitGroup
	for range streams {
		all.Go(func() {
			for range ticks {
				p.Publish(0, time.Now(), []sensors.Reading{{sensors.Value(1)}})
			}
		})
	}
	all.Wait()
	s := q.Stats()
	each := time.Since(began) / time.Duration(s.Syncs+1)
	t.Logf("%d syncs for %d messages, %v each", s.Syncs, s.Held, each)
	if s.Held < streams*ticks || s.Syncs == 0 {
		t.Error("nothing was synced")
	}
	// While a disk of memory syncs nobody else has the time to come.
	const noTime = 50 * time.Microsecond
	if s.Syncs >= streams*ticks && each > noTime {
		t.Error("each message was waited for alone")
	}
}

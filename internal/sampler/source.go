package sampler

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sensor-agent/sensors"
)

const (
	// warnPause is the least time between two warnings of a failing sensor whose
	// reason changes.
	warnPause = time.Minute
	// flapPause is the same, on the average, of one that recovers again and
	// again; a few may come together.
	flapPause   = 10 * time.Second
	flapsAtOnce = 5
)

// errOverdue stands for a reading that did not come back in time. The stream
// does not wait for it again until it has.
var errOverdue = errors.New("no answer from the sensor in time")

// ask is one stream's standing question to a source. From being sent on the
// source's channel until done receives it belongs to the source.
type ask struct {
	tick    time.Time // the grid instant asked for
	until   time.Time // how long the stream waits
	reading sensors.Reading
	err     error
	done    chan struct{} // capacity 1
}

// source reads one sensor for all streams that hold it, one reading at a time.
// The fields below asks belong to run.
type source struct {
	Sensor
	log        *slog.Logger
	origin     time.Time // of succeeded
	neighbours []*source // the other sensors of its bus
	changed    func(Health)
	asks       chan *ask // capacity: one per stream, so that a stream never blocks sending

	sensor  sensors.Sensor // nil while not open
	began   time.Time      // of the last reading
	last    sensors.Reading
	lastErr error

	// Of the ladder; zero while all is well, but for suspected and took.
	pause     time.Duration // from the last climb to the next
	nextClimb time.Time
	rest      time.Duration // after the last failed attempt, for the sake of the others on the bus
	tried     time.Time     // the end of that attempt
	took      time.Duration // the last attempt
	suspected int           // the output last found suspect, -1 once it has a good value

	succeeded atomic.Int64 // when the last good reading ended, since origin

	mu      sync.Mutex
	health  Health    // its Steps are counted while a step is taken
	doubted int       // the output that health.Doubt is about, or -1
	reason  string    // of health.Doubt, as the driver gave it
	warned  time.Time // when a failure was last logged
	told    bool      // the log says that it fails
	flaps   time.Time // each failure logged puts it off by flapPause, from now at the earliest
}

// run answers asks until the channel is closed.
func (s *source) run(ctx context.Context) {
	for a := range s.asks {
		// A reading serves every tick up to its beginning: streams that tick
		// together share it, and those that waited for it meanwhile.
		if a.tick.After(s.began) || s.began.IsZero() {
			s.began = time.Now()
			s.last, s.lastErr = s.read(ctx, a.until)
			err := s.lastErr
			if err == nil && time.Now().After(a.until) && time.Since(s.began) > s.bearable() {
				err = errOverdue // the stream has gone on without it
			}
			if !errors.Is(err, context.Canceled) { // the agent is stopping
				s.note(s.last, err)
			}
		}
		a.reading = append(a.reading[:0], s.last...)
		a.err = s.lastErr
		a.done <- struct{}{}
	}
	s.shut()
}

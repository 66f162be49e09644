package sampler

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"sensor-agent/sensors"
)

// stream runs the ticks of one stream. Its fields belong to run, but for those
// below mu.
type stream struct {
	name    string
	sources []*source
	asks    []*ask // one per source
	out     []bool // whether the source has it still
	tick    Tick
	deliver func(Tick)
	missed  atomic.Int64

	mu       sync.Mutex
	timer    timer
	interval time.Duration // wanted
	changed  time.Time     // when it was last changed
}

func newStream(index int, st Stream, sources []*source, deliver func(Tick)) *stream {
	s := &stream{name: st.Name, deliver: deliver, interval: st.Interval}
	for _, i := range st.Sensors {
		s.sources = append(s.sources, sources[i])
		s.asks = append(s.asks, &ask{done: make(chan struct{}, 1)})
	}
	s.out = make([]bool, len(s.sources))
	s.tick = Tick{Stream: index, Readings: make([]sensors.Reading, len(s.sources))}
	return s
}

func (s *stream) setTimer(t timer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = t
}

func (s *stream) retune(d time.Duration, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interval, s.changed = d, at
	if s.timer != nil {
		s.timer.Interrupt()
	}
}

func (s *stream) wanted() (interval time.Duration, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.interval, s.changed
}

// run ticks until ctx ends.
func (s *stream) run(ctx context.Context, start time.Time) {
	stop := context.AfterFunc(ctx, s.timer.Interrupt)
	defer stop()
	timeout := time.NewTimer(time.Hour)
	defer timeout.Stop()

	interval, _ := s.wanted()
	g := grid{interval: interval, next: start}
	for {
		s.timer.Wait(g.next)
		if ctx.Err() != nil {
			return
		}
		if want, since := s.wanted(); want != g.interval {
			g.retune(want, since)
		}
		now := time.Now()
		if now.Before(g.next) {
			continue
		}
		s.read(ctx, now, g, timeout)
		s.missed.Add(g.advance(time.Now()))
	}
}

// patience is how long a tick waits for a sensor. A reading that began before
// the tick may have to end first, and a busy machine or bus may take a little
// longer; one that has been failing must not make the others miss their ticks.
func patience(src *source, interval time.Duration) time.Duration {
	spare := min(2*src.Plan.Takes+margin, interval*7/8)
	if src.Health().Bad() {
		return spare
	}
	return max(src.bearable(), spare)
}

// bearable is how long a sensor that is well may take, however short the
// interval.
func (s *source) bearable() time.Duration { return 2*s.Plan.Takes + leastMargin }

// margin is what a reading may take longer than a healthy chip needs where the
// interval leaves room for it, and leastMargin where it does not.
const (
	margin      = 500 * time.Millisecond
	leastMargin = 50 * time.Millisecond
)

// read asks every sensor that has answered before and delivers what comes back
// in time.
func (s *stream) read(ctx context.Context, now time.Time, g grid, timeout *time.Timer) {
	for i, a := range s.asks {
		if s.out[i] && !s.back(i) {
			continue
		}
		a.tick, a.until = g.next, now.Add(patience(s.sources[i], g.interval))
		s.out[i] = true
		s.sources[i].asks <- a
	}

	s.tick.At = now
	for i, a := range s.asks {
		s.tick.Readings[i] = nil
		if a.tick != g.next {
			continue // overdue since an earlier tick
		}
		timeout.Reset(time.Until(a.until))
		select {
		case <-a.done:
			s.out[i] = false
		case <-timeout.C:
			if !s.back(i) {
				s.sources[i].overdue()
				continue
			}
		case <-ctx.Done():
			return
		}
		if a.err == nil {
			s.tick.Readings[i] = a.reading
		}
	}
	timeout.Stop()
	s.deliver(s.tick)
}

// back reports whether an ask that was out has come back.
func (s *stream) back(i int) bool {
	select {
	case <-s.asks[i].done:
		s.out[i] = false
	default:
	}
	return !s.out[i]
}

package sampler

import "time"

// grid is a stream's schedule: ticks at origin + n·interval on the monotonic
// clock, so that no delay of one tick moves the next.
type grid struct {
	interval time.Duration
	next     time.Time // the tick to wait for
}

// advance moves to the first tick after now and returns how many ticks between
// it and the current one have been missed. Missed ticks are never made up for:
// a bunch of late readings says nothing about the times they stand for.
func (g *grid) advance(now time.Time) (missed int64) {
	g.next = g.next.Add(g.interval)
	if late := now.Sub(g.next); late >= 0 {
		missed = int64(late/g.interval) + 1
		g.next = g.next.Add(time.Duration(missed) * g.interval)
	}
	return missed
}

// retune changes the interval from the last tick on: the next one comes a new
// interval after it, or now if that has passed. So a change takes effect at
// once, and commands that keep arriving cannot put a tick off for ever.
func (g *grid) retune(interval time.Duration, now time.Time) {
	last := g.next.Add(-g.interval)
	g.interval = interval
	g.next = last.Add(interval)
	if g.next.Before(now) {
		g.next = now
	}
}

package sampler

import "time"

// A timer wakes the one goroutine that waits on it, and can be interrupted
// from others.
type timer interface {
	// Wait returns when t is reached or after Interrupt, whichever is first.
	// An interrupt that came before Wait was called ends it at once.
	Wait(t time.Time)
	Interrupt()
	Close()
}

// runtimeTimer waits on Go's own timers: on grids of a second nothing better
// is needed, and inside a testing/synctest bubble they are the only ones.
type runtimeTimer struct {
	t    *time.Timer
	kick chan struct{}
}

func newRuntimeTimer() (timer, error) {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &runtimeTimer{t: t, kick: make(chan struct{}, 1)}, nil
}

func (r *runtimeTimer) Wait(t time.Time) {
	r.t.Reset(time.Until(t))
	select {
	case <-r.t.C:
	case <-r.kick:
		r.t.Stop()
	}
}

func (r *runtimeTimer) Interrupt() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

func (r *runtimeTimer) Close() { r.t.Stop() }

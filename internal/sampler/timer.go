package sampler

import "time"

// A timer wakes the one goroutine that waits on it, and can be interrupted
// from others.
type timer interface {
	// wait returns when t is reached or after interrupt, whichever is first.
	// An interrupt that came before wait was called ends it at once.
	wait(t time.Time)
	interrupt()
	close()
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

func (r *runtimeTimer) wait(t time.Time) {
	r.t.Reset(time.Until(t))
	select {
	case <-r.t.C:
	case <-r.kick:
		r.t.Stop()
	}
}

func (r *runtimeTimer) interrupt() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

func (r *runtimeTimer) close() { r.t.Stop() }

package recording

import (
	"bytes"
	"fmt"
	"sync"
	"time"
)

// A track is the transactions with one chip, and how far they are played.
type track struct {
	file string

	mu    sync.Mutex
	steps []step
	next  int
	off   *offError // the driver has left the recording, for good
}

// A step is a transaction and the line it is in.
type step struct {
	line int
	Transaction
}

// An offError is a request that the recording has no answer to.
type offError struct{ err error }

func (e *offError) Error() string { return e.err.Error() }

func (t *track) tx(w, r []byte) error {
	s, err := t.take(w, len(r))
	if err != nil {
		return err
	}
	time.Sleep(s.Took)
	if s.Err != nil {
		return s.Err
	}
	copy(r, s.Read)
	return nil
}

// take returns the next step, if it is the one that is asked for. Once it was
// another, nothing that comes later can be trusted to be meant.
func (t *track) take(w []byte, asked int) (step, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.off != nil:
	case t.next == len(t.steps):
		t.off = &offError{fmt.Errorf("the recording %s has ended: line %d is the last with this chip", t.file, t.steps[t.next-1].line)}
	case !t.steps[t.next].answers(w, asked):
		s := t.steps[t.next]
		t.off = &offError{fmt.Errorf("the recording %s goes on otherwise: line %d %s, the driver %s: it has other options than then, or has changed",
			t.file, s.line, request(s.Written, s.Asked), request(w, asked))}
	default:
		t.next++
		return t.steps[t.next-1], nil
	}
	return step{}, t.off
}

// answers reports whether the step was asked for with w, for so many bytes.
//
// After a gap a driver may write other settings into the same registers than
// it did then, since these can depend on what it read in between: a BME680's
// heater is set by the temperature.
func (s step) answers(w []byte, asked int) bool {
	if s.Asked != asked || len(s.Written) != len(w) {
		return false
	}
	if s.Missing > 0 && len(w) > 0 {
		return s.Written[0] == w[0]
	}
	return bytes.Equal(s.Written, w)
}

func request(w []byte, asked int) string {
	switch {
	case asked == 0:
		return fmt.Sprintf("writes %x", w)
	case len(w) == 0:
		return fmt.Sprintf("reads %d bytes", asked)
	}
	return fmt.Sprintf("writes %x and reads %d bytes", w, asked)
}

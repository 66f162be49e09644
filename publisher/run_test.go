package publisher

import (
	"errors"
	"testing"
	"time"
)

// How long to wait before the brokers are asked again: a random time, the
// longest of which depends on what they have answered.
func TestBackoff(t *testing.T) {
	gone := errors.New("no route to host")
	const downAtMost = 800 * time.Millisecond
	for _, c := range []struct {
		name    string
		answers []error // of each broker, in each round
		least   time.Duration
		longest []time.Duration // after each round
	}{
		{"nobody listens", []error{ErrRefused}, 0, []time.Duration{downAtMost, downAtMost, downAtMost}},
		{"nobody answers", []error{gone}, 0, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute}},
		{"one is gone, one down", []error{gone, ErrRefused}, 0, []time.Duration{downAtMost, downAtMost}},
		{"login refused", []error{ErrLogin}, 30 * time.Second, []time.Duration{time.Minute, time.Minute}},
		{"login refused by one, the other down", []error{ErrLogin, ErrRefused}, 0, []time.Duration{downAtMost}},
		{"connections that are lost", nil, 0, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
	} {
		const tries = 500
		greatest := make([]time.Duration, len(c.longest))
		for range tries {
			var b backoff
			for i, longest := range c.longest {
				for _, err := range c.answers {
					b.failed(err)
				}
				d := b.next()
				if d < c.least || d >= longest {
					t.Errorf("%s: %v after round %d, want %v to %v", c.name, d, i+1, c.least, longest)
				}
				greatest[i] = max(greatest[i], d)
			}
		}
		for i, d := range greatest {
			if d < c.least+(c.longest[i]-c.least)*9/10 {
				t.Errorf("%s: at most %v after round %d of %d times, want up to %v", c.name, d, i+1, tries, c.longest[i])
			}
		}
	}
}

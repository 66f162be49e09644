package conditioning

import (
	"math"
	"slices"
	"time"
)

const (
	minMedian = 3
	maxMedian = 31
)

// A median gives the middle one of the last values, so that single outliers
// leave no trace. Until it has as many as it is for, it takes those it has.
type median struct {
	last   []float64 // a ring once it is full
	oldest int       // in the full ring
	sorted []float64 // kept, so that add allocates nothing
}

func newMedian(n int) *median {
	return &median{last: make([]float64, 0, n), sorted: make([]float64, 0, n)}
}

// add takes in v and returns the median, with an even number of values the
// middle between the two in the middle. A nil median returns v.
func (m *median) add(v float64) float64 {
	if m == nil {
		return v
	}
	if len(m.last) < cap(m.last) {
		m.last = append(m.last, v)
	} else {
		m.last[m.oldest] = v
		m.oldest = (m.oldest + 1) % len(m.last)
	}
	m.sorted = append(m.sorted[:0], m.last...)
	slices.Sort(m.sorted)
	half := len(m.sorted) / 2
	if len(m.sorted)%2 == 0 {
		return m.sorted[half-1]/2 + m.sorted[half]/2 // the sum could be too large
	}
	return m.sorted[half]
}

// clear begins anew.
func (m *median) clear() {
	if m != nil {
		m.last, m.oldest = m.last[:0], 0
	}
}

// An average is an exponential moving average: what it holds counts e times
// less after each time constant. So it smooths alike at any interval, and after
// a gap hardly remembers what was before.
type average struct {
	tau   time.Duration
	value float64
	at    time.Time // of the value; zero: there is none
}

// add takes in v, measured now, and returns the average. A nil average returns
// v.
func (a *average) add(v float64, now time.Time) float64 {
	if a == nil {
		return v
	}
	keep := 0.0
	if !a.at.IsZero() {
		keep = math.Exp(-now.Sub(a.at).Seconds() / a.tau.Seconds())
	}
	a.value = keep*a.value + (1-keep)*v
	a.at = now
	return a.value
}

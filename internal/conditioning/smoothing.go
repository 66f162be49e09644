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
// leave no trace. Until it has as many as it is for, it takes the newest odd
// number of those it has.
type median struct {
	last   []moment  // in the order of time; its capacity is what the median is for
	sorted []float64 // kept, so that add allocates nothing
}

type moment struct {
	value float64
	at    time.Time
	after time.Duration // the value before, 0: there was none
}

func newMedian(n int) *median {
	return &median{last: make([]moment, 0, n), sorted: make([]float64, 0, n)}
}

// add takes in v, measured now, and returns the median. A nil median returns v.
func (m *median) add(v float64, now time.Time) float64 {
	if m == nil {
		return v
	}
	next := moment{value: v, at: now}
	if n := len(m.last); n > 0 {
		next.after = now.Sub(m.last[n-1].at)
		if m.gap(next.after) {
			m.last = m.last[:0]
		} else if n == cap(m.last) {
			m.last = slices.Delete(m.last, 0, 1)
		}
	}
	m.last = append(m.last, next)
	m.sorted = m.sorted[:0]
	for _, old := range m.last[1-len(m.last)%2:] {
		m.sorted = append(m.sorted, old.value)
	}
	slices.Sort(m.sorted)
	return m.sorted[len(m.sorted)/2]
}

// gap reports whether there was nothing for so long that what the median holds
// is of another time: for as many times as it has values the longest pause
// between two of them. So the interval may change, and several streams may read
// the sensor at intervals of their own.
func (m *median) gap(pause time.Duration) bool {
	var longest time.Duration
	for _, old := range m.last {
		longest = max(longest, old.after)
	}
	return longest > 0 && pause > time.Duration(cap(m.last))*longest
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

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
	last    []float64     // in the order of time; its capacity is what the median is for
	sorted  []float64     // kept, so that add allocates nothing
	at      time.Time     // of the last value
	longest time.Duration // pause between two values of late, 0: there was none
}

func newMedian(n int) *median {
	return &median{last: make([]float64, 0, n), sorted: make([]float64, 0, n)}
}

// add takes in v, measured now, and returns the median. A nil median returns v.
//
// When there was nothing for so long that what it holds is of another time, it
// begins anew: for as many times as it has values the longest pause of late.
// So the interval may change, and several streams may read the sensor at
// intervals of their own. A pause is forgotten little by little, as a reading
// that is repeated within a tick brings several values with hardly any.
func (m *median) add(v float64, now time.Time) float64 {
	if m == nil {
		return v
	}
	if n := cap(m.last); len(m.last) > 0 {
		pause := now.Sub(m.at)
		if m.longest > 0 && pause > time.Duration(n)*m.longest {
			m.last = m.last[:0]
		} else if len(m.last) == n {
			m.last = slices.Delete(m.last, 0, 1)
		}
		m.longest = max(pause, m.longest-m.longest/time.Duration(2*n))
	}
	m.at = now
	m.last = append(m.last, v)
	m.sorted = append(m.sorted[:0], m.last[1-len(m.last)%2:]...)
	slices.Sort(m.sorted)
	return m.sorted[len(m.sorted)/2]
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

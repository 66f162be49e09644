package conditioning

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	m := newMedian(5)
	now := time.Now()
	var got []float64
	for _, v := range []float64{10, 20, 999, 12, 11, -999, 13, 13, 14} {
		got = append(got, m.add(v, now))
		now = now.Add(time.Second)
	}
	want := []float64{10, 20, 20, 20, 12, 12, 12, 12, 13}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A reading that is repeated within a tick, as another output of the sensor is
// doubtful, is no reason to begin anew at the next tick.
func TestMedianOfRepeatedReadings(t *testing.T) {
	for n := minMedian; n <= maxMedian; n += 2 {
		m := newMedian(n)
		now := time.Now()
		for range 40 {
			for range n {
				m.add(20, now)
				now = now.Add(time.Second)
			}
			for range 4 { // as often as the sampler repeats one
				m.add(20, now)
				now = now.Add(20 * time.Millisecond)
			}
			now = now.Add(time.Second)
			if got := m.add(999, now); got != 20 {
				t.Fatalf("median of %d: an outlier comes through", n)
			}
			now = now.Add(time.Second)
		}
	}
}

// After a gap a median knows nothing of what was before it. What is a gap
// depends on how often the sensor is read.
func TestMedianAfterGap(t *testing.T) {
	const second = time.Second
	for _, test := range []struct {
		name   string
		pauses []time.Duration // before each value but the first; the last value is another
		anew   bool
	}{
		{"none", []time.Duration{second, second, second}, false},
		{"late", []time.Duration{second, second, 3 * second}, false},
		{"gap", []time.Duration{second, second, 3*second + 1}, true},
		{"long interval", []time.Duration{time.Hour, time.Hour, time.Hour}, false},
		{"shorter interval", []time.Duration{time.Hour, time.Hour, second}, false},
		{"longer interval", []time.Duration{second, second, time.Hour}, true},
		{"longer interval, twice", []time.Duration{second, second, time.Hour, time.Hour, time.Hour}, false},
		{"shorter interval, for long, and a gap", slices.Concat([]time.Duration{time.Hour}, slices.Repeat([]time.Duration{second}, 60), []time.Duration{time.Minute}), true},
		{"two streams", []time.Duration{second, 599 * second, second, 599 * second, second}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMedian(3)
			now := time.Now()
			m.add(20, now)
			last := len(test.pauses) - 1
			for _, pause := range test.pauses[:last] {
				now = now.Add(pause)
				m.add(20, now)
			}
			want := 20.0
			if test.anew {
				want = 30
			}
			if got := m.add(30, now.Add(test.pauses[last])); got != want {
				t.Errorf("it became %v, want %v", got, want)
			}
		})
	}
}

// An average rises by 1 - 1/e within its time constant, whatever the interval.
func TestAverage(t *testing.T) {
	for _, interval := range []time.Duration{100 * time.Millisecond, time.Second, 30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			c := &chip{}
			s, _ := conditioned(t, c, Settings{Adjust: map[string]Adjustment{"temp": {EMA: 30 * time.Second}}}, noZone)
			if r := c.measure(t, s, 10, 1, 1); r[0].Value != 10 {
				t.Errorf("the first value became %v", r[0].Value)
			}
			var got float64
			for range 30 * time.Second / interval {
				time.Sleep(interval)
				got = c.measure(t, s, 20, 1, 1)[0].Value
			}
			if want := 10 + 10*(1-1/math.E); math.Abs(got-want) > 1e-6 {
				t.Errorf("interval %v: %v after the time constant, want %v", interval, got, want)
			}
			time.Sleep(time.Hour)
			if got := c.measure(t, s, -5, 1, 1)[0].Value; math.Abs(got+5) > 1e-6 {
				t.Errorf("after an hour it is %v, want -5", got)
			}
		})
	}
}

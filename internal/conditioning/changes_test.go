package conditioning

import (
	"math"
	"testing"
	"time"

	"sensor-agent/sensors"
)

func TestChanges(t *testing.T) {
	value := func(v ...float64) sensors.Reading {
		var r sensors.Reading
		for _, v := range v {
			r = append(r, sensors.Value(v))
		}
		return r
	}
	fields := [][]ChangingField{
		{{Decimals: 2, Delta: 0.1}, {Decimals: 1, Delta: math.Inf(1)}},
		{{Decimals: 0}},
	}
	suspect := sensors.Reading{{Value: 21.4, Quality: sensors.Suspect}, sensors.Value(50)}
	stale := sensors.Reading{{Value: 21.4, Quality: sensors.Stale}, sensors.Value(50)}
	c := NewChanges(fields, time.Minute)
	at := time.Now()
	for i, step := range []struct {
		after    time.Duration
		readings []sensors.Reading
		want     bool
		why      string
	}{
		{0, []sensors.Reading{value(21.3, 50), value(5)}, true, "the first"},
		{1, []sensors.Reading{value(21.3, 50), value(5)}, false, "the same"},
		{1, []sensors.Reading{value(21.35, 50), value(5)}, false, "less than delta"},
		{1, []sensors.Reading{value(21.396, 90), value(5.2)}, true, "delta as published, though less in binary"},
		{1, []sensors.Reading{value(21.3, 90), value(5)}, true, "delta downwards"},
		{1, []sensors.Reading{value(21.39, 90), value(5)}, false, "less than delta from what passed last"},
		{1, []sensors.Reading{value(21.21, 90), value(5)}, false, "likewise, though 0.18 from the tick before"},
		{1, []sensors.Reading{value(21.3, 0), value(5.4)}, false, "no news: a field that does not count, and what rounding hides"},
		{1, []sensors.Reading{value(21.3, 0), value(5.6)}, true, "any published change"},
		{1, []sensors.Reading{value(21.3, math.NaN()), value(6)}, true, "a value gone"},
		{1, []sensors.Reading{value(21.3, math.NaN()), value(6)}, false, "still gone"},
		{1, []sensors.Reading{value(21.3, 50), value(6)}, true, "back"},
		{1, []sensors.Reading{nil, value(6)}, true, "a sensor gone"},
		{1, []sensors.Reading{nil, value(6)}, false, "still gone"},
		{1, []sensors.Reading{value(21.4, 50), value(6)}, true, "back"},
		{1, []sensors.Reading{suspect, value(6)}, true, "suspect"},
		{1, []sensors.Reading{suspect, value(6)}, false, "still suspect"},
		{1, []sensors.Reading{value(21.4, 50), value(6)}, true, "good again"},
		{1, []sensors.Reading{stale, value(6)}, false, "told when it was new"},
		{58, []sensors.Reading{stale, value(6)}, true, "nearer to the minute than the next tick"},
		{1, []sensors.Reading{stale, value(6)}, false, "still stale"},
		{1, []sensors.Reading{value(21.4, 50), value(6)}, true, "measured anew, after stale was told"},
		{59, []sensors.Reading{value(21.4, 50), value(6)}, true, "nearer to the minute than the next tick"},
		{1, []sensors.Reading{value(21.4, 50), value(6)}, false, "just told"},
		{58, []sensors.Reading{value(1e308, 50), value(6)}, true, "huge"},
	} {
		at = at.Add(step.after * time.Second)
		if got := c.Pass(at, step.readings); got != step.want {
			t.Errorf("tick %d passes: %v, want %v: %s", i, got, step.want, step.why)
		}
	}
}

// Silence lasts as long as was asked, to the nearest tick.
func TestChangesAtLeastEvery(t *testing.T) {
	for _, test := range []struct {
		interval time.Duration
		want     []int // ticks
	}{
		{time.Second, []int{0, 60, 120}},
		{7 * time.Second, []int{0, 9, 18}},      // 63 s, not 56
		{25 * time.Second, []int{0, 2, 4, 6}},   // 50 s, not 75
		{5 * time.Minute, []int{0, 1, 2, 3}},    // every one
		{59900 * time.Millisecond, []int{0, 1}}, // a tick that comes a little early
	} {
		c := NewChanges([][]ChangingField{{{Delta: 1}}}, time.Minute)
		reading := []sensors.Reading{{sensors.Value(1)}}
		at := time.Now()
		var got []int
		for tick := 0; len(got) < len(test.want); tick++ {
			if c.Pass(at, reading) {
				got = append(got, tick)
			}
			at = at.Add(test.interval)
		}
		for i := range got {
			if got[i] != test.want[i] {
				t.Errorf("interval %v: ticks %v passed, want %v", test.interval, got, test.want)
				break
			}
		}
	}
}

func TestFirstTickIsNewsWhateverItSays(t *testing.T) {
	c := NewChanges([][]ChangingField{{{}}}, time.Minute)
	if !c.Pass(time.Now(), []sensors.Reading{{sensors.Value(0)}}) {
		t.Error("held back")
	}
}

func TestNilChanges(t *testing.T) {
	var c *Changes
	if !c.Pass(time.Now(), nil) {
		t.Error("a tick was held back")
	}
}

func TestPassAllocatesNothing(t *testing.T) {
	c := NewChanges([][]ChangingField{{{Decimals: 2, Delta: 0.1}, {}}}, time.Minute)
	readings := []sensors.Reading{{sensors.Value(1), sensors.NoValue("off")}}
	at := time.Now()
	if n := testing.AllocsPerRun(100, func() {
		at = at.Add(time.Second)
		readings[0][0].Value += 0.07
		c.Pass(at, readings)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

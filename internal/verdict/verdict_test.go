package verdict

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/sensors"
)

// A scripted sensor gives the next of its readings each time.
type scripted struct{ readings []sensors.Reading }

func (s *scripted) plan(outputs ...sensors.Output) sensors.Plan {
	return sensors.Plan{
		Outputs: outputs,
		Open:    func(context.Context, sensors.Wire) (sensors.Sensor, error) { return s, nil },
	}
}

func (s *scripted) Read(context.Context) (sensors.Reading, error) {
	if len(s.readings) == 0 {
		return nil, errors.New("no answer")
	}
	r := s.readings[0]
	s.readings = s.readings[1:]
	return r, nil
}

func (s *scripted) Close() error { return nil }

// A step of a script: what happens, after how long, and which of the rules
// speaks.
type step struct {
	after  time.Duration
	value  float64
	reopen bool // the sensor, before it is read
	want   string
}

const (
	second = time.Second
	ms     = time.Millisecond

	good    = ""
	outside = "outside"
	jumped  = "step"
	flat    = "same value"
)

// run plays a script to one output in a bubble.
func run(t *testing.T, limits sensors.Limits, script []step) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		plan := Watch(s.plan(sensors.Temperature.Output(limits)))
		open, err := plan.Open(t.Context(), sensors.Wire{})
		if err != nil {
			t.Fatal(err)
		}
		for i, st := range script {
			time.Sleep(st.after)
			if st.reopen {
				if open, err = plan.Open(t.Context(), sensors.Wire{}); err != nil {
					t.Fatal(err)
				}
			}
			s.readings = []sensors.Reading{{sensors.Value(st.value)}}
			r, err := open.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r[0].Value != st.value {
				t.Fatalf("step %d: value %v, want %v", i, r[0].Value, st.value)
			}
			suspect := r[0].Quality == sensors.Suspect
			if suspect != (st.want != good) || !strings.Contains(r[0].Reason, st.want) || (r[0].Reason != "") != suspect {
				t.Errorf("step %d: %v is %s, %q; want %q", i, st.value, r[0].Quality, r[0].Reason, st.want)
			}
		}
	})
}

func TestRange(t *testing.T) {
	run(t, sensors.Limits{Min: -40, Max: 85}, []step{
		{second, -40, false, good},
		{second, -40.1, false, outside},
		{second, 85, false, good},
		{second, 105.2, false, outside},
		{second, 105.2, true, outside}, // however often, and whatever was tried
		{time.Hour, 105.2, true, outside},
		{second, 84, false, good},
	})
	// 0 is a limit like any other, as long as the other is not 0 too.
	run(t, sensors.Limits{Max: 100}, []step{{second, -1, false, outside}, {second, 0, false, good}})
	run(t, sensors.Limits{}, []step{{second, -1e9, false, good}, {second, 1e9, false, good}})
}

func TestStep(t *testing.T) {
	limits := sensors.Limits{Step: 5}
	tests := map[string][]step{
		"up to the step": {
			{0, 20, false, good},
			{second, 25, false, good},
			{100 * ms, 30, false, good}, // two readings of one second cannot be told from those of two
			{3 * second, 15, false, good},
		},
		"a spike": {
			{0, 20, false, good},
			{second, 51, false, jumped},
			{second, 20.5, false, good},
			{second, 21, false, good},
		},
		"a spike that is read again at once, by the whole ladder": {
			{0, 20, false, good},
			{second, 51, false, jumped},
			{ms, 51, false, jumped},
			{ms, 51, true, jumped},
			{ms, 51, true, jumped},
			{second, 20, false, good},
		},
		"spikes of all kinds": {
			{0, 20, false, good},
			{second, 51, true, jumped},
			{9 * second, -7, true, jumped}, // possible by now, but new
			{9 * second, 80, true, jumped},
			{9 * second, 51, true, jumped},
			{9 * second, 22, false, good},
		},
		"a new level that stands": {
			{0, 20, false, good},
			{second, 51, false, jumped},
			{ms, 51, false, jumped},
			{ms, 51.1, true, jumped},
			{second, 50.9, false, jumped}, // 2 of the 6 seconds that 31 °C take
			{5 * second, 51.2, false, good},
			{second, 51.3, false, good},
			{second, 20, false, jumped},
			{second, 51, false, good},
			{9 * second, 20, false, good}, // in time, and not in doubt any more
		},
		"a new level without opening the sensor": {
			{0, 20, false, good},
			{second, 51, false, jumped},
			{9 * second, 51, false, jumped},
			{9 * second, 51, false, jumped},
			{9 * second, 51, true, good},
		},
		"opened before the new level came": {
			{0, 20, false, good},
			{second, 90, true, jumped},
			{second, 51, false, jumped},
			{9 * second, 51, false, jumped},
			{9 * second, 51, false, jumped},
		},
		"a new level that rises": {
			{0, 20, false, good},
			{second, 51, false, jumped},
			{9 * second, 55, true, jumped},
			{second, 59, false, good},
		},
		"after a range error, only what stands": {
			{0, 20, false, good},
			{second, 200, false, outside},
			{9 * second, 55, true, jumped},
			{second, 55, false, jumped},
			{second, 55, true, good},
		},
		"the first value in range is believed": {
			{0, 200, false, outside},
			{second, 55, false, good},
		},
	}
	limits.Min, limits.Max = -40, 125
	for name, script := range tests {
		t.Run(name, func(t *testing.T) { run(t, limits, script) })
	}
}

func TestFlat(t *testing.T) {
	run(t, sensors.Limits{Flat: 3}, []step{
		{0, 1000.25, false, good},
		{second, 1000.25, false, good},
		{second, 1000.25, false, flat},
		{ms, 1000.25, false, flat},
		{ms, 1000.25, true, flat}, // opening it changes nothing
		{time.Hour, 1000.25, false, flat},
		{second, 1000.26, false, good},
		{second, 1000.25, false, good},
		{second, 1000.25, false, good},
		{second, 1000.26, false, good},
	})
}

// A stale value has the verdict it had when it was new: it proves no level, and
// makes no flat line.
func TestStale(t *testing.T) {
	stale := func(v float64) sensors.Measurement {
		return sensors.Measurement{Value: v, Quality: sensors.Stale, Reason: "old"}
	}
	tests := []struct {
		m    sensors.Measurement
		want sensors.Quality
	}{
		{sensors.Value(20), sensors.Good},
		{stale(20), sensors.Stale},
		{stale(20), sensors.Stale},
		{stale(20), sensors.Stale},
		{stale(20), sensors.Stale},
		{sensors.Value(55), sensors.Suspect},
		{stale(55), sensors.Suspect},
		{stale(55), sensors.Suspect},
		{sensors.Value(55), sensors.Suspect},
		{stale(55), sensors.Suspect},
		{sensors.Value(55), sensors.Good},
		{stale(55), sensors.Stale},
	}
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		plan := Watch(s.plan(sensors.Temperature.Output(sensors.Limits{Step: 5, Flat: 4})))
		for i, tt := range tests {
			open, err := plan.Open(t.Context(), sensors.Wire{})
			if err != nil {
				t.Fatal(err)
			}
			s.readings = []sensors.Reading{{tt.m}}
			r, _ := open.Read(t.Context())
			if r[0].Quality != tt.want {
				t.Errorf("reading %d: %+v, want %s", i, r[0], tt.want)
			}
			time.Sleep(second)
		}
	})
}

// What has no value, is worse already or has no limits passes as it is, and an
// error too; outputs are judged each for itself.
func TestPassedOn(t *testing.T) {
	s := &scripted{readings: []sensors.Reading{
		{sensors.Value(20), sensors.NoValue("dark"), sensors.Value(math.Inf(1))},
		{sensors.Value(500), sensors.Value(7), sensors.Value(3)},
		{sensors.Measurement{Value: 500, Quality: sensors.Suspect, Reason: "by the driver"}, sensors.Value(7), sensors.Value(3)},
		{sensors.Measurement{Value: 600, Quality: sensors.WarmingUp, Reason: "cold"}, sensors.Value(7), sensors.Value(3)},
		{sensors.Value(1)},
	}}
	l := sensors.Limits{Max: 100}
	plan := Watch(s.plan(sensors.Temperature.Output(l), sensors.Number.Output(sensors.Limits{}), sensors.Humidity.Output(l)))
	open, err := plan.Open(t.Context(), sensors.Wire{})
	if err != nil {
		t.Fatal(err)
	}
	beyond := sensors.Measurement{Value: 500, Quality: sensors.Suspect, Reason: "outside the range of 0 to 100 °C"}
	for i, want := range []sensors.Reading{
		{sensors.Value(20), sensors.NoValue("dark"), sensors.Value(math.Inf(1))},
		{beyond, sensors.Value(7), sensors.Value(3)},
		{{Value: 500, Quality: sensors.Suspect, Reason: "by the driver"}, sensors.Value(7), sensors.Value(3)},
		{{Value: 600, Quality: sensors.Suspect, Reason: "outside the range of 0 to 100 °C"}, sensors.Value(7), sensors.Value(3)},
		{sensors.Value(1)}, // of a driver that is wrong: for the sampler to say
	} {
		got, err := open.Read(t.Context())
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return a == b || a != a && b != b })); err != nil || diff != "" {
			t.Errorf("reading %d: error %v (-want +got)\n%s", i, err, diff)
		}
	}
	if r, err := open.Read(t.Context()); err == nil {
		t.Errorf("got %v, want the sensor's error", r)
	}
	absent := errors.New("absent")
	plan.Open = Watch(sensors.Plan{Open: func(context.Context, sensors.Wire) (sensors.Sensor, error) { return nil, absent }}).Open
	if s, err := plan.Open(t.Context(), sensors.Wire{}); s != nil || err != absent {
		t.Errorf("opening: %v, %v", s, err)
	}
}

// What the driver itself does not believe is no level to come from.
func TestSuspectByTheDriverIsNoLevel(t *testing.T) {
	s := &scripted{readings: []sensors.Reading{
		{sensors.Value(20)},
		{sensors.Value(24).Doubtful(sensors.Suspect, "by the driver")},
		{sensors.Value(28)},
	}}
	open, err := Watch(s.plan(sensors.Temperature.Output(sensors.Limits{Step: 5}))).Open(t.Context(), sensors.Wire{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []sensors.Quality{sensors.Good, sensors.Suspect, sensors.Suspect} {
		if r, err := open.Read(t.Context()); err != nil || r[0].Quality != want {
			t.Errorf("reading %d: %v, %v, want %v", i, r, err, want)
		}
	}
}

// The driver's own reading stays as it is: it may be given again.
func TestReadingIsNotChanged(t *testing.T) {
	r := sensors.Reading{sensors.Value(500)}
	s := &scripted{readings: []sensors.Reading{r}}
	open, err := Watch(s.plan(sensors.Temperature.Output(sensors.Limits{Max: 100}))).Open(t.Context(), sensors.Wire{})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := open.Read(t.Context())
	if got[0].Quality != sensors.Suspect || r[0].Quality != sensors.Good {
		t.Errorf("got %v of %v", got, r)
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	s := &scripted{}
	plan := Watch(s.plan(
		sensors.Temperature.Output(sensors.Limits{Min: -40, Max: 85, Step: 5, Flat: 40}),
		sensors.Pressure.Output(sensors.Limits{Max: 100}),
	))
	open, err := plan.Open(t.Context(), sensors.Wire{})
	if err != nil {
		t.Fatal(err)
	}
	one := []sensors.Reading{{sensors.Value(20), sensors.Value(1000)}} // the second is suspect each time
	if n := testing.AllocsPerRun(100, func() {
		s.readings = one
		if _, err := open.Read(t.Context()); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a reading", n)
	}
}

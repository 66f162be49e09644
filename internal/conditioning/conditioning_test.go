package conditioning

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sensor-agent/sensors"
)

// A chip is a driver's sensor that gives what it is told to.
type chip struct {
	reading sensors.Reading
	err     error
	opened  int
	closed  int
}

func (c *chip) Read(context.Context) (sensors.Reading, error) { return c.reading, c.err }
func (c *chip) Close() error                                  { c.closed++; return nil }

func (c *chip) plan(outputs ...sensors.Output) sensors.Plan {
	return sensors.Plan{
		Outputs: outputs,
		Takes:   time.Second,
		Open: func(context.Context, sensors.Wire) (sensors.Sensor, error) {
			if c.opened++; c.err != nil {
				return nil, c.err
			}
			return c, nil
		},
	}
}

// measure has the chip measure good values and returns what is made of them.
func (c *chip) measure(t *testing.T, s sensors.Sensor, values ...float64) sensors.Reading {
	t.Helper()
	c.reading = nil
	for _, v := range values {
		c.reading = append(c.reading, sensors.Value(v))
	}
	r, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var weather = sensors.OutputsOf(sensors.Temperature, sensors.Humidity, sensors.Pressure)

func noZone(string) sensors.Plan { panic("no thermal zone is needed") }

// conditioned opens a sensor of a chip that measures the weather.
func conditioned(t *testing.T, c *chip, s Settings, zone func(string) sensors.Plan) (sensors.Sensor, sensors.Plan) {
	t.Helper()
	p, err := apply(c.plan(weather...), s, zone)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := p.Open(t.Context(), sensors.Wire{})
	if err != nil {
		t.Fatal(err)
	}
	return opened, p
}

func TestNothingAsked(t *testing.T) {
	c := &chip{}
	s, p := conditioned(t, c, Settings{}, noZone)
	if s != sensors.Sensor(c) || len(p.Outputs) != len(weather) {
		t.Errorf("the sensor is a %T, the outputs are %v", s, p.Outputs)
	}
}

func TestCorrection(t *testing.T) {
	for _, test := range []struct {
		name     string
		value    Adjustment
		measured []float64
		want     []float64
	}{
		{"offset", Adjustment{Offset: -0.4}, []float64{21.7, 0, -5}, []float64{21.3, -0.4, -5.4}},
		{"scale", Adjustment{Scale: new(1.02)}, []float64{50, -1}, []float64{51, -1.02}},
		{"scale before offset", Adjustment{Scale: new(2.0), Offset: 1}, []float64{10}, []float64{21}},
		{"one point", Adjustment{Calibrate: [][]float64{{21.7, 21.3}}}, []float64{21.7, 0, 100}, []float64{21.3, -0.4, 99.6}},
		{"ice and steam", Adjustment{Calibrate: [][]float64{{0.4, 0}, {99.1, 100}}}, []float64{0.4, 99.1, 49.75, -9.47, 108.97}, []float64{0, 100, 50, -10, 110}},
		{"in any order", Adjustment{Calibrate: [][]float64{{20, 25}, {0, 0}, {10, 20}}}, []float64{5, 15, 40}, []float64{10, 22.5, 35}},
		{
			"piecewise",
			Adjustment{Calibrate: [][]float64{{0, 0}, {10, 20}, {20, 25}}},
			[]float64{-5, 0, 5, 10, 15, 20, 40},
			[]float64{-10, 0, 10, 20, 22.5, 25, 35},
		},
		{"falling", Adjustment{Calibrate: [][]float64{{0.5, 80}, {2, 20}, {3, 10}}}, []float64{0.5, 1.25, 2.5, 4}, []float64{80, 50, 15, 0}},
		{"calibrated after scale and offset", Adjustment{Scale: new(2.0), Offset: 1, Calibrate: [][]float64{{21, 20}, {41, 41}}}, []float64{10, 20}, []float64{20, 41}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &chip{}
			s, _ := conditioned(t, c, Settings{Adjust: map[string]Adjustment{"humi": test.value}}, noZone)
			var got []float64
			for _, v := range test.measured {
				r := c.measure(t, s, v, v, v)
				if r[0] != sensors.Value(v) || r[2] != sensors.Value(v) {
					t.Errorf("changed what was not to be changed: %v", r)
				}
				got = append(got, r[1].Value)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	c := &chip{}
	s, _ := conditioned(t, c, Settings{Adjust: map[string]Adjustment{"temp": {Scale: new(1e300), EMA: time.Second}}}, noZone)
	if r := c.measure(t, s, 1e300, 1, 1); r[0].Valid() || r[0].Reason == "" {
		t.Errorf("got %v", r[0])
	}
	if r := c.measure(t, s, 1, 1, 1); r[0].Value != 1e300 {
		t.Errorf("what was too large is still in the average: %v", r[0])
	}
}

func TestBadSettings(t *testing.T) {
	temp := func(a Adjustment) Settings { return Settings{Adjust: map[string]Adjustment{"temp": a}} }
	twice := append(slices.Clone(weather), sensors.Output{Key: "board", Quantity: sensors.Temperature})
	for _, test := range []struct {
		settings     Settings
		outputs      []sensors.Output
		option, want string
	}{
		{temp(Adjustment{Scale: new(0.0)}), weather, "adjust.temp.scale", "every value the same"},
		{temp(Adjustment{Median: 1}), weather, "adjust.temp.median", "odd number from 3 to 31"},
		{temp(Adjustment{Median: 4}), weather, "adjust.temp.median", "odd number from 3 to 31"},
		{temp(Adjustment{Median: 33}), weather, "adjust.temp.median", "odd number from 3 to 31"},
		{temp(Adjustment{Median: -3}), weather, "adjust.temp.median", "odd number from 3 to 31"},
		{temp(Adjustment{EMA: -1}), weather, "adjust.temp.ema", "up to 24h"},
		{temp(Adjustment{EMA: 25 * time.Hour}), weather, "adjust.temp.ema", "up to 24h"},
		{temp(Adjustment{Calibrate: [][]float64{{1, 2}, {3}}}), weather, "adjust.temp.calibrate[1]", "[measured, true]"},
		{temp(Adjustment{Calibrate: [][]float64{{1, 2}, {3, 4}, {1, 5}}}), weather, "adjust.temp.calibrate[2]", "both 2 and 5"},
		{Settings{Derive: Derive{DewPoint: true}}, weather[:1], "derive.dew_point", "needs humidity, which the sensor does not measure: it gives temp"},
		{Settings{Derive: Derive{AbsoluteHumidity: true}}, weather[1:], "derive.absolute_humidity", "needs temperature"},
		{Settings{Derive: Derive{DewPoint: true}}, twice, "derive.dew_point", "temp and board"},
		{Settings{Derive: Derive{SeaLevelPressure: &SeaLevel{}}}, weather[:2], "derive.sea_level_pressure", "needs pressure"},
		{Settings{Derive: Derive{SeaLevelPressure: &SeaLevel{Altitude: 10000}}}, weather, "derive.sea_level_pressure.altitude", "-500 to 9000"},
		{Settings{Heat: &Heat{}}, weather, "heat", "write `factor: 2.25`"},
		{Settings{Heat: &Heat{Zone: "x"}}, weather, "heat", "write `factor: 2.25`"},
		{Settings{Heat: &Heat{Factor: -1}}, weather, "heat.factor", "above 0"},
		{Settings{Heat: &Heat{Rise: -1}}, weather, "heat.rise", "warmer than the air"},
		{Settings{Heat: &Heat{Rise: 1, Factor: 1}}, weather, "heat.rise", "leave `rise` out"},
		{Settings{Heat: &Heat{Rise: 1, Zone: "x"}}, weather, "heat.rise", "leave `rise` out"},
		{Settings{Heat: &Heat{Rise: 1}}, weather[2:], "heat", "needs temperature"},
		{Settings{Heat: &Heat{Rise: 1}}, twice, "heat", "temp and board"},
	} {
		_, err := apply((&chip{}).plan(test.outputs...), test.settings, noZone)
		bad, ok := errors.AsType[*sensors.OptionError](err)
		if !ok || bad.Option != test.option || !strings.Contains(bad.Err.Error(), test.want) {
			t.Errorf("%+v: error %v, want %s: …%s…", test.settings, err, test.option, test.want)
		}
	}
}

// What is not good is corrected, but neither smoothed nor let into a filter.
func TestQuality(t *testing.T) {
	c := &chip{}
	s, _ := conditioned(t, c, Settings{
		Adjust: map[string]Adjustment{"temp": {Offset: 1, Median: 3, EMA: time.Hour}},
		Derive: Derive{DewPoint: true},
	}, noZone)
	c.measure(t, s, 20, 60, 1000)
	for _, temp := range []sensors.Measurement{
		{Value: 85, Quality: sensors.Suspect, Reason: "as after a reset"},
		{Value: 85, Quality: sensors.WarmingUp, Reason: "soon"},
	} {
		c.reading = sensors.Reading{temp, sensors.Value(60), sensors.Value(1000)}
		r, err := s.Read(t.Context())
		want := temp
		want.Value++
		if err != nil || r[0] != want || r[3].Quality != temp.Quality || r[3].Reason != temp.Reason {
			t.Errorf("%v became %v, %v", temp, r, err)
		}
	}
	c.reading[0] = sensors.NoValue("torn off")
	r, err := s.Read(t.Context())
	if err != nil || r[0].Valid() || r[3].Valid() || r[0].Reason != "torn off" || r[3].Reason != "torn off" || !r[1].Valid() {
		t.Errorf("no temperature became %v, %v", r, err)
	}
	if r := c.measure(t, s, 20, 60, 1000); math.Abs(r[0].Value-21) > 1e-9 || r[0].Quality != sensors.Good {
		t.Errorf("%v is what the filters made of 20 + 1, always", r[0])
	}
}

// The worst quality counts, whichever value has it.
func TestCombined(t *testing.T) {
	good, stale := sensors.Value(1), sensors.Measurement{Value: 1, Quality: sensors.Stale, Reason: "old"}
	suspect := sensors.Measurement{Value: 1, Quality: sensors.Suspect, Reason: "flat"}
	for _, test := range []struct {
		of   []sensors.Measurement
		want sensors.Measurement
	}{
		{[]sensors.Measurement{good, good}, sensors.Value(5)},
		{[]sensors.Measurement{stale, good}, sensors.Measurement{Value: 5, Quality: sensors.Stale, Reason: "old"}},
		{[]sensors.Measurement{stale, suspect}, sensors.Measurement{Value: 5, Quality: sensors.Suspect, Reason: "flat"}},
		{[]sensors.Measurement{suspect, stale}, sensors.Measurement{Value: 5, Quality: sensors.Suspect, Reason: "flat"}},
		{[]sensors.Measurement{suspect, sensors.NoValue("gone")}, sensors.NoValue("gone")},
	} {
		if diff := cmp.Diff(test.want, combined(5, test.of...), cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%v (-want +got)\n%s", test.of, diff)
		}
	}
	if m := combined(math.Inf(1), good); m.Valid() || m.Reason != beyond {
		t.Errorf("an infinite result became %v", m)
	}
}

// What the filters hold outlasts the sensor.
func TestReopened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &chip{}
		s, p := conditioned(t, c, Settings{Adjust: map[string]Adjustment{"temp": {EMA: 10 * time.Second}, "pressure": {Median: 3}}}, noZone)
		c.measure(t, s, 20, 50, 1000)
		c.measure(t, s, 20, 50, 1000)
		if err := s.Close(); err != nil || c.closed != 1 {
			t.Errorf("closed %d times, %v", c.closed, err)
		}
		s, err := p.Open(t.Context(), sensors.Wire{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		r := c.measure(t, s, 30, 50, 300)
		if want := 20 + 10*(1-1/math.E); math.Abs(r[0].Value-want) > 1e-9 || r[2].Value != 1000 {
			t.Errorf("got %v, want %v and 1000", r, want)
		}
	})
}

func TestErrors(t *testing.T) {
	c := &chip{}
	s, p := conditioned(t, c, Settings{Derive: Derive{DewPoint: true}}, noZone)
	c.reading = make(sensors.Reading, 2)
	if _, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "2 measurements of 3") {
		t.Errorf("error %v of a short reading", err)
	}
	c.err = errors.New("no answer")
	if _, err := s.Read(t.Context()); !errors.Is(err, c.err) {
		t.Errorf("error %v", err)
	}
	if _, err := p.Open(t.Context(), sensors.Wire{}); !errors.Is(err, c.err) {
		t.Errorf("error %v", err)
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	c := &chip{reading: sensors.Reading{sensors.Value(25), sensors.Value(60), sensors.Value(990)}}
	s, _ := conditioned(t, c, Settings{
		Adjust: map[string]Adjustment{"temp": {Offset: 1, Calibrate: [][]float64{{0, 0}, {50, 51}, {100, 100}}, Median: 31, EMA: time.Minute}},
		Derive: Derive{DewPoint: true, AbsoluteHumidity: true, SeaLevelPressure: &SeaLevel{Altitude: 430}},
		Heat:   &Heat{Factor: 2.25},
	}, pi(&chip{reading: sensors.Reading{sensors.Value(48)}}))
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if r, err := s.Read(ctx); err != nil || !r[3].Valid() || !r[5].Valid() {
			t.Error(r, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever a driver gives and whatever is configured, a value is a number or
// there is none, and then there is a reason.
func FuzzCondition(f *testing.F) {
	f.Add(25.0, 60.0, 48.0, 1.0, 0.0, 0.0, 0.0, 100.0, 100.0, 2.25)
	f.Add(-300.0, -5.0, 1e308, -1e308, 1e308, 0.0, 5.0, 1e-320, -5.0, 1e-320)
	f.Add(-243.12, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 2.0, 2.0, 1.0)
	f.Fuzz(func(t *testing.T, temp, humi, cpu, scale, offset, x0, y0, x1, y1, factor float64) {
		v := Adjustment{Scale: &scale, Offset: offset, Calibrate: [][]float64{{x0, y0}, {x1, y1}}, Median: 3, EMA: time.Second}
		c, zone := &chip{}, &chip{reading: sensors.Reading{sensors.Value(cpu)}}
		p, err := apply(c.plan(weather...), Settings{
			Adjust: map[string]Adjustment{"temp": v, "humi": v},
			Heat:   &Heat{Factor: factor},
			Derive: Derive{DewPoint: true, AbsoluteHumidity: true, SeaLevelPressure: &SeaLevel{}},
		}, pi(zone))
		if err != nil {
			return
		}
		s, err := p.Open(t.Context(), sensors.Wire{})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for i, m := range c.measure(t, s, temp, humi, temp) {
				switch {
				case !m.Valid() && m.Reason == "" && isFinite(temp) && isFinite(humi) && isFinite(cpu):
					t.Errorf("%s has no value and no reason: %v", p.Outputs[i].Key, m)
				case m.Valid() && p.Outputs[i].Key == "humi" && (m.Value < 0 || m.Value > 100):
					t.Errorf("humidity %v", m)
				}
			}
		}
	})
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Between points that rise, and beyond them, the curve rises.
func FuzzCurve(f *testing.F) {
	f.Add(0.0, 0.0, 10.0, 20.0, 1.0, 0.5, 3.0, 4.0)
	f.Fuzz(func(t *testing.T, x, y, dx1, dy1, dx2, dy2, v, dv float64) {
		for _, n := range []*float64{&x, &y, &dx1, &dy1, &dx2, &dy2, &v, &dv} {
			if *n = math.Mod(*n, 1000); math.IsNaN(*n) {
				return
			}
		}
		// Points at least a thousandth apart.
		step := func(d float64) float64 { return math.Abs(d) + 1e-3 }
		x1, y1 := x+step(dx1), y+step(dy1)
		pairs := [][]float64{{x, y}, {x1, y1}, {x1 + step(dx2), y1 + step(dy2)}}
		c, err := newCurve(pairs, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pairs {
			if got := c.at(p[0]); math.Abs(got-p[1]) > 1e-6 {
				t.Errorf("%v leads to %v, want %v", p[0], got, p[1])
			}
		}
		if low, high := c.at(v), c.at(v+math.Abs(dv)); !(low <= high+1e-3) {
			t.Errorf("%v leads to %v, but %v to %v", v, low, v+math.Abs(dv), high)
		}
	})
}

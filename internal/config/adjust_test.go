package config

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"sensor-agent/sensors"
	"sensor-agent/sensors/catalog"
)

// A key of a driver that every sensor has could never be written.
func TestDriversHaveNoKeysOfSensors(t *testing.T) {
	_, own := fieldsOf(&Sensor{})
	for _, d := range catalog.Drivers() {
		_, err := d.Configure(func(options any) error {
			_, names := fieldsOf(options)
			for _, name := range names {
				if slices.Contains(own, name) {
					t.Errorf("the driver %s has an option %s, which is a key of every sensor", d.Name, name)
				}
			}
			return nil
		})
		_ = err // some drivers cannot be without options
	}
}

// A steady sensor gives one reading for ever.
type steady struct{ sensors.Reading }

func (s steady) Read(context.Context) (sensors.Reading, error) { return s.Reading, nil }
func (s steady) Close() error                                  { return nil }

// steadily is an environment with a driver whose chip measures these values, as
// a temperature and a humidity.
func steadily(temp, humi float64) Environment {
	outputs := []sensors.Output{
		sensors.Temperature.Output(sensors.Limits{Min: -40, Max: 85}),
		sensors.Humidity.Output(sensors.Limits{Max: 100}),
	}
	env := environment()
	env.Drivers = []sensors.Driver{sensors.NewDriver(sensors.Driver{Name: "chip"}, struct{}{}, func(struct{}) (sensors.Plan, error) {
		return sensors.Plan{
			Outputs: outputs, // of all sensors
			Open: func(context.Context, sensors.Wire) (sensors.Sensor, error) {
				return steady{sensors.Reading{sensors.Value(temp), sensors.Value(humi)}}, nil
			},
		}, nil
	})}
	return env
}

// What the chip has measured is judged, not what becomes of it; and the limits
// of one sensor are not those of another.
func TestLimits(t *testing.T) {
	env := steadily(90, 0.5)
	for _, test := range []struct {
		adjust string
		want   sensors.Quality // of a temperature of 90 °C
	}{
		{"{}", sensors.Suspect},
		{"{temp: {offset: -50}}", sensors.Suspect},
		{"{temp: {offset: -50, limits: {max: 95}}}", sensors.Good},
		{"{temp: {offset: 50, limits: {max: 95}}}", sensors.Good},
		{"{temp: {limits: {min: 0, max: 0}}}", sensors.Good},
		{"{humi: {limits: {max: 10}}}", sensors.Suspect},
	} {
		c := mustParse(t, "sensors: [{driver: chip, adjust: "+test.adjust+", derive: {dew_point: true}}]", env)
		s, err := c.Sensors[0].Plan.Open(t.Context(), sensors.Wire{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Read(t.Context())
		if err != nil || len(r) != 3 || r[0].Quality != test.want || r[2].Quality != test.want {
			t.Errorf("%s: %v, %v, want a temperature and a dew point that are %v", test.adjust, r, err, test.want)
		}
	}
}

// A range that 0 stands for cannot be had by halves.
func TestRangeThatWouldBeNone(t *testing.T) {
	for adjust, want := range map[string]string{
		"{humi: {limits: {max: 0}}}":         "leaves a range from 0 to 0",
		"{humi: {limits: {min: 0, max: 0}}}": "",
		"{humi: {limits: {min: 20}}}":        "",
	} {
		_, err := Parse("config.yaml", []byte("sensors: [{driver: chip, adjust: "+adjust+"}]"), steadily(20, 50))
		if want == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", adjust, err, want)
		}
	}
}

func TestChanges(t *testing.T) {
	reading := func(temp, humi float64) []sensors.Reading {
		return []sensors.Reading{{sensors.Value(temp), sensors.Value(humi)}}
	}
	for _, test := range []struct {
		onChange   string
		temp, humi float64 // the second tick, after 20 and 50
		want       bool    // whether it is published
	}{
		{"", 20, 50, true},
		{"{}", 20, 50, false},
		{"{}", 20.004, 50, false}, // both are published as 20.0
		{"{}", 20.01, 50, true},
		{"{delta: 0.5}", 20.4, 50.4, false},
		{"{delta: 0.5}", 20.4, 50.5, true},
		{"{delta: {warmth: 0.5}}", 20.4, 99, false},
		{"{delta: {warmth: 0.5}}", 20.5, 50, true},
		{"{delta: {warmth: 0.5}}", 20, math.NaN(), true},
		{"{delta: 5, at_least_every: 1m}", 20, 50, true},
	} {
		c := mustParse(t, "sensors: [{driver: chip, keys: {temp: warmth}}]\nstreams: [{only_on_change: "+test.onChange+"}]", steadily(0, 0))
		changes := c.Streams[0].Changes()
		at := time.Now()
		if !changes.Pass(at, reading(20, 50)) {
			t.Errorf("%s: the first tick is held back", test.onChange)
		}
		if got := changes.Pass(at.Add(time.Minute), reading(test.temp, test.humi)); got != test.want {
			t.Errorf("%s: %v, %v is published: %v, want %v", test.onChange, test.temp, test.humi, got, test.want)
		}
	}
}

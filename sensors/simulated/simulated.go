// Package simulated is a sensor that needs no hardware: weather with a day's
// light curve, slow drift and noise, a counter, or uniform whole numbers. Its
// values depend on the seed and the time alone, so two runs at the same time
// with the same seed agree, and tests can foretell them.
//
// It fails on demand: while its fault file holds a word such as "hang", it
// behaves like a sensor with that fault, so that everything above it can be
// tried on a laptop.
package simulated

import (
	"context"
	"fmt"
	"math"
	"time"

	"sensor-agent/sensors"
)

// Options of the simulated driver.
type Options struct {
	Shape     Shape  `yaml:"shape" help:"weather: light, temp, humi, pressure and gas; counter: 0..255 and round again; uniform: whole numbers from min to max"`
	Min       int64  `yaml:"min" help:"least value of shape uniform"`
	Max       int64  `yaml:"max" help:"greatest value of shape uniform"`
	Seed      uint64 `yaml:"seed" help:"sensors with the same seed give the same values at the same time"`
	FaultFile string `yaml:"fault_file" help:"while this file holds the word error, hang, absent or stuck, the sensor behaves so"`
}

// Shape is what a simulated sensor pretends to measure.
type Shape string

// The shapes.
const (
	Weather Shape = "weather"
	Counter Shape = "counter"
	Uniform Shape = "uniform"
)

// stuckAfter is how many times the weather has to be the very same to be taken
// for a sensor that is stuck. It has noise in everything, from millisecond to
// millisecond.
const stuckAfter = 10

// Driver returns the simulated driver.
func Driver() sensors.Driver {
	return sensors.NewDriver(sensors.Driver{
		Name:    "simulated",
		Summary: "a believable fake: weather, a counter or uniform numbers, with faults on demand",
	}, Options{Shape: Weather, Max: 255, Seed: 1}, plan)
}

func plan(o Options) (sensors.Plan, error) {
	s := &sensor{options: o}
	switch o.Shape {
	case Weather:
		for _, q := range []sensors.Quantity{sensors.Illuminance, sensors.Temperature, sensors.Humidity, sensors.Pressure, sensors.GasResistance} {
			s.outputs = append(s.outputs, q.Output(sensors.Limits{Flat: stuckAfter}))
		}
		s.measure = s.weather
	case Counter:
		s.outputs = sensors.OutputsOf(sensors.Number)
		s.measure = s.counter
	case Uniform:
		if o.Min > o.Max {
			return sensors.Plan{}, sensors.BadOption("min", "%d is above max %d", o.Min, o.Max)
		}
		s.outputs = sensors.OutputsOf(sensors.Number)
		s.measure = s.uniform
	default:
		return sensors.Plan{}, sensors.BadOption("shape", "%q is not one of weather, counter, uniform", o.Shape)
	}
	s.reading = make(sensors.Reading, len(s.outputs))
	return sensors.Plan{Outputs: s.outputs, Takes: time.Millisecond, Open: s.open}, nil
}

type sensor struct {
	options Options
	outputs []sensors.Output
	measure func(t time.Time)
	reading sensors.Reading
	count   int

	measured bool // reading holds something
}

func (s *sensor) open(_ context.Context, _ sensors.Wire) (sensors.Sensor, error) {
	f, err := s.fault()
	if err != nil {
		return nil, err
	}
	if f == absent {
		return nil, fmt.Errorf("%w: the fault file says the sensor is absent", sensors.ErrNotFound)
	}
	return s, nil
}

// Read implements [sensors.Sensor].
func (s *sensor) Read(context.Context) (sensors.Reading, error) {
	f, err := s.fault()
	if err != nil {
		return nil, err
	}
	switch f {
	case broken:
		return nil, fmt.Errorf("the fault file says the sensor fails")
	case absent:
		return nil, fmt.Errorf("%w: the fault file says the sensor is absent", sensors.ErrNotFound)
	case hanging:
		s.hang()
	case stuck:
		if s.measured {
			return s.reading, nil
		}
	}
	s.measure(time.Now())
	s.measured = true
	return s.reading, nil
}

// Close implements [sensors.Sensor].
func (s *sensor) Close() error { return nil }

// counter counts readings, as the simplest publisher of all does.
func (s *sensor) counter(time.Time) {
	s.reading[0] = sensors.Value(float64(s.count))
	s.count = (s.count + 1) % 256
}

// uniform gives whole numbers, each of min..max equally often.
func (s *sensor) uniform(time.Time) {
	span := float64(s.options.Max) - float64(s.options.Min) + 1
	n := s.options.Min + int64(unit(s.options.Seed, uint64(s.count))*span)
	s.reading[0] = sensors.Value(float64(n))
	s.count++
}

// weather is a day in a temperate greenhouse: light follows the sun from six
// to six (UTC) under drifting clouds, warmth lags it by two hours, humidity
// runs against warmth, pressure wanders over days, and the gas sensor's
// resistance falls when the air is humid.
func (s *sensor) weather(t time.Time) {
	const day = 24 * time.Hour
	hour := t.Sub(t.Truncate(day)).Hours()
	sun := math.Max(0, math.Sin((hour-6)/12*math.Pi))
	clouds := 0.55 + 0.4*s.drift(0, t, 40*time.Minute)
	warmth := math.Sin((hour - 8) / 12 * math.Pi)

	light := 18000*sun*clouds + 40 + 4*s.jitter(0, t)
	temp := 19.5 + 4.5*warmth + 1.5*s.drift(1, t, 3*time.Hour) + 0.03*s.jitter(1, t)
	humi := 55 - 9*warmth + 6*s.drift(2, t, 2*time.Hour) + 0.1*s.jitter(2, t)
	pressure := 1013 + 14*s.drift(3, t, 31*time.Hour) + 0.02*s.jitter(3, t)
	gas := 95000 - 900*(humi-55) + 12000*s.drift(4, t, 5*time.Hour) + 300*s.jitter(4, t)

	s.reading[0] = sensors.Value(light)
	s.reading[1] = sensors.Value(temp)
	s.reading[2] = sensors.Value(humi)
	s.reading[3] = sensors.Value(pressure)
	s.reading[4] = sensors.Value(gas)
}

// drift is a smooth random curve in -1..1 that turns about once per scale.
func (s *sensor) drift(channel uint64, t time.Time, scale time.Duration) float64 {
	x := float64(t.UnixMilli()) / float64(scale.Milliseconds())
	i := math.Floor(x)
	f := x - i
	a := unit(s.options.Seed+channel<<32, uint64(int64(i)))
	b := unit(s.options.Seed+channel<<32, uint64(int64(i)+1))
	return 2*(a+(b-a)*f*f*(3-2*f)) - 1
}

// jitter is noise in -1..1 that differs from millisecond to millisecond.
func (s *sensor) jitter(channel uint64, t time.Time) float64 {
	return 2*unit(s.options.Seed+channel<<32+1<<63, uint64(t.UnixMilli())) - 1
}

// unit hashes two numbers to 0 <= x < 1 (the finalizer of SplitMix64; Steele,
// Lea, Flood 2014).
func unit(seed, n uint64) float64 {
	z := seed*0x9e3779b97f4a7c15 + n*0xd1342543de82ef95
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return float64(z>>11) / (1 << 53)
}

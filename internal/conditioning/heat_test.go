package conditioning

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/sensors"
)

// pi returns the thermal zones of a Raspberry Pi, which has one.
func pi(zone *chip) func(string) sensors.Plan {
	return func(name string) sensors.Plan {
		if name != DefaultZone {
			panic("there is no zone " + name)
		}
		return zone.plan(sensors.OutputsOf(sensors.Temperature)...)
	}
}

func TestRise(t *testing.T) {
	c := &chip{}
	s, p := conditioned(t, c, Settings{Heat: &Heat{Rise: 8}, Derive: Derive{DewPoint: true}}, noZone)
	r := c.measure(t, s, 30, 30, 1000)
	// 30 % of 42.45 hPa is 48.2 % of 26.44 hPa.
	if math.Abs(r[0].Value-22) > 1e-9 || math.Abs(r[1].Value-48.2) > 0.1 || r[2].Value != 1000 {
		t.Errorf("got %v", r)
	}
	if warm := dewPoint(30, 30); math.Abs(r[3].Value-warm) > 1e-9 {
		t.Errorf("the dew point is %v °C, but %v °C where it is warm", r[3].Value, warm)
	}
	if r := c.measure(t, s, 30, 90, 1000); r[1].Value != 100 {
		t.Errorf("humidity %v, want no more than 100", r[1].Value)
	}
	if p.Takes != time.Second {
		t.Errorf("takes %v", p.Takes)
	}
}

func TestFactor(t *testing.T) {
	c, zone := &chip{}, &chip{reading: sensors.Reading{sensors.Value(48)}}
	s, p := conditioned(t, c, Settings{Heat: &Heat{Factor: 2.25}}, pi(zone))
	r := c.measure(t, s, 30, 30, 1000)
	if math.Abs(r[0].Value-22) > 1e-9 || math.Abs(r[1].Value-48.2) > 0.1 {
		t.Errorf("got %v", r)
	}
	if p.Takes != 2*time.Second {
		t.Errorf("takes %v: the zone has to be read too", p.Takes)
	}
	if err := s.Close(); err != nil || c.closed != 1 || zone.closed != 1 {
		t.Errorf("closed %d and %d times, %v", c.closed, zone.closed, err)
	}
}

func TestHeatOfATemperatureAlone(t *testing.T) {
	c := &chip{}
	p, err := apply(c.plan(weather[0]), Settings{Heat: &Heat{Rise: 1.5}}, noZone)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Open(t.Context(), sensors.Wire{})
	if err != nil {
		t.Fatal(err)
	}
	if r := c.measure(t, s, 21.5); r[0].Value != 20 {
		t.Errorf("got %v", r)
	}
}

// A burst of work heats the processor at once, and nothing else.
func TestProcessorIsAveraged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, zone := &chip{}, &chip{reading: sensors.Reading{sensors.Value(48)}}
		s, _ := conditioned(t, c, Settings{Heat: &Heat{Factor: 2}}, pi(zone))
		c.measure(t, s, 30, 30, 1000)
		time.Sleep(time.Second)
		zone.reading[0].Value = 68
		if got := c.measure(t, s, 30, 30, 1000)[0].Value; got > 21 || got < 20.5 {
			t.Errorf("a second later it is %v °C, want a little less than 21", got)
		}
		time.Sleep(time.Hour)
		if got := c.measure(t, s, 30, 30, 1000)[0].Value; math.Abs(got-11) > 1e-6 {
			t.Errorf("an hour later it is %v °C, want 11", got)
		}
	})
}

// Without the temperature of the Pi there is no temperature of the air, nor
// what depends on it; all else goes on.
func TestNoZone(t *testing.T) {
	c, zone := &chip{}, &chip{err: errors.New(`no thermal zone "cpu-thermal"`)}
	s, _ := conditioned(t, c, Settings{Heat: &Heat{Factor: 2.25}, Derive: Derive{DewPoint: true}}, pi(zone))
	for range 2 {
		r := c.measure(t, s, 30, 30, 1000)
		for _, i := range []int{0, 1, 3} {
			if r[i].Valid() || !strings.Contains(r[i].Reason, zone.err.Error()) {
				t.Errorf("measurement %d is %v", i, r[i])
			}
		}
		if r[2] != sensors.Value(1000) {
			t.Errorf("pressure %v", r[2])
		}
	}
	zone.err, zone.reading = nil, sensors.Reading{{Value: 48, Quality: sensors.Suspect, Reason: "flat"}}
	c.measure(t, s, 30, 30, 1000)
	if r := c.measure(t, s, 30, 30, 1000); r[0].Value != 22 || r[0].Quality != sensors.Suspect || r[1].Quality != sensors.Suspect || r[2].Quality != sensors.Good {
		t.Errorf("with a doubtful zone: %v", r)
	}
	if zone.opened != 3 {
		t.Errorf("the zone was opened %d times, want twice in vain and then once", zone.opened)
	}
	zone.reading[0] = sensors.NoValue("off")
	if r := c.measure(t, s, 30, 30, 1000); r[0].Valid() || r[0].Reason != "off" {
		t.Errorf("with a zone that has no value: %v", r)
	}
}

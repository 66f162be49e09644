package conditioning

import (
	"context"
	"slices"
	"time"

	"sensor-agent/sensors"
)

// Heat says how much warmer than the air a sensor is, because of the Raspberry
// Pi below it or of itself: by Factor or by Rise, one of them.
//
// What is measured as temperature is corrected for it, and what is measured as
// humidity with it: the water in the air does not become less near a warm chip,
// but its part of what the air could hold does. While the temperature of the
// zone cannot be had, neither has a value.
type Heat struct {
	// Factor: what the sensor is warmer than the air is a part, 1/Factor, of
	// what the Pi is warmer than the sensor. This is the form known from the
	// examples of Pimoroni's Enviro boards.
	Factor float64 `yaml:"factor"`
	Zone   string  `yaml:"zone"` // the thermal zone that tells the temperature of the Pi; "": cpu-thermal
	Rise   float64 `yaml:"rise"` // always so many °C
}

// DefaultZone is the thermal zone of a Raspberry Pi's processor.
const DefaultZone = "cpu-thermal"

// A processor changes its temperature within a second and its surroundings
// within minutes; this is what its temperature is averaged over.
const zoneTau = time.Minute

// heat corrects a temperature and, if there is one, a humidity.
type heat struct {
	Heat
	temp, humi int // places in a reading; humi is -1 without
	plan       sensors.Plan
	zone       sensors.Sensor // nil while not open
	average    average
}

// newHeat returns nil for no Heat.
func newHeat(h *Heat, outputs []sensors.Output, zone func(name string) sensors.Plan) (*heat, error) {
	if h == nil {
		return nil, nil
	}
	c := &heat{Heat: *h, humi: -1, average: average{tau: zoneTau}}
	switch {
	case h.Factor < 0:
		return nil, sensors.BadOption("heat.factor", "%v is not a factor: write (Pi - sensor) / (sensor - air), which is above 0", h.Factor)
	case h.Rise < 0:
		return nil, sensors.BadOption("heat.rise", "%v is not a rise: write by how many °C the sensor is warmer than the air", h.Rise)
	case h.Rise > 0 && (h.Factor > 0 || h.Zone != ""):
		return nil, sensors.BadOption("heat.rise", "the rise follows from the temperature of the Pi, or it is fixed: leave `rise` out, or `factor` and `zone`")
	case h.Rise == 0 && h.Factor == 0:
		return nil, sensors.BadOption("heat", "how warm the sensor gets is not said: write `factor: 2.25`, or `rise: 1.5` for always 1.5 °C")
	}
	var err error
	if c.temp, err = only(outputs, sensors.Temperature, "heat"); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(outputs, func(o sensors.Output) bool { return o.Quantity == sensors.Humidity }) {
		if c.humi, err = only(outputs, sensors.Humidity, "heat"); err != nil {
			return nil, err
		}
	}
	if h.Factor > 0 {
		if c.Zone == "" {
			c.Zone = DefaultZone
		}
		c.plan = zone(c.Zone)
	}
	return c, nil
}

// takes returns how long correct can take.
func (h *heat) takes() time.Duration {
	if h == nil {
		return 0
	}
	return h.plan.Takes
}

// correct takes the heat out of a reading. A nil heat does nothing.
func (h *heat) correct(ctx context.Context, r sensors.Reading, wire sensors.Wire, now time.Time) {
	if h == nil {
		return
	}
	warm := r[h.temp]
	air := combined(warm.Value-h.Rise, warm)
	if h.Factor > 0 {
		pi := h.read(ctx, wire, now)
		air = combined(warm.Value-(pi.Value-warm.Value)/h.Factor, warm, pi)
	}
	r[h.temp] = air
	if h.humi >= 0 {
		humi := r[h.humi]
		r[h.humi] = combined(warmed(humi.Value, warm.Value, air.Value), humi, air)
	}
}

// read returns the temperature of the zone. Where it is not open it tries to
// open it, so that one that is missing costs the values that depend on it and
// no others.
func (h *heat) read(ctx context.Context, wire sensors.Wire, now time.Time) sensors.Measurement {
	var err error
	if h.zone == nil {
		h.zone, err = h.plan.Open(ctx, wire)
	}
	var r sensors.Reading
	if err == nil {
		r, err = h.zone.Read(ctx)
	}
	if err != nil {
		return sensors.NoValue("the temperature of the Pi, which `heat` needs, cannot be read: " + err.Error())
	}
	m := r[0]
	if m.Valid() {
		m.Value = h.average.add(m.Value, now)
	}
	return m
}

func (h *heat) close() error {
	if h == nil || h.zone == nil {
		return nil
	}
	zone := h.zone
	h.zone = nil
	return zone.Close()
}

// Package conditioning makes of what a sensor measured what is published: it
// corrects each value by a calibration, smooths it, takes the warmth of the
// Raspberry Pi out of it, and derives values from others. It wraps a
// [sensors.Plan], so neither drivers nor whoever reads them know of it.
//
// It judges nothing. Only good values enter a filter; one that is not good is
// corrected and keeps its quality and reason, and what is derived from several
// is as good as the worst of them. Where a value is missing, so is all that
// would be made of it.
//
// Changes, lastly, tells which ticks of a stream say something new.
package conditioning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sensor-agent/sensors"
	"sensor-agent/sensors/hwmon"
)

// Settings are what is done with the values of one sensor, in the order of the
// fields. The zero Settings do nothing.
type Settings struct {
	Adjust map[string]Adjustment // by the key of the output
	Heat   *Heat                 // nil: the sensor is as warm as the air
	Derive Derive
}

// Apply returns a plan whose sensors give conditioned readings: the outputs of
// p, and behind them the derived ones, which have no limits. What it finds wrong
// with the settings are [sensors.OptionError]s, named as in a configuration:
// "adjust.temp.median".
//
// What the filters hold outlasts a sensor that is closed and opened again, so
// that not more than one sensor of the plan may be open at a time.
func Apply(p sensors.Plan, s Settings) (sensors.Plan, error) {
	return apply(p, s, hwmon.Zone)
}

// apply is Apply with the thermal zones of some machine.
func apply(p sensors.Plan, s Settings, zone func(name string) sensors.Plan) (sensors.Plan, error) {
	if len(s.Adjust) == 0 && s.Heat == nil && s.Derive == (Derive{}) {
		return p, nil
	}
	c := &conditioner{}
	var errs []error
	for _, o := range p.Outputs {
		ch, err := newChannel(s.Adjust[o.Key], "adjust."+o.Key)
		c.channels, errs = append(c.channels, ch), append(errs, err)
	}
	var err error
	c.heat, err = newHeat(s.Heat, p.Outputs, zone)
	errs = append(errs, err)
	c.derived, err = s.Derive.outputs(p.Outputs)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return sensors.Plan{}, err
	}
	c.reading = make(sensors.Reading, len(c.channels)+len(c.derived))

	p.Outputs = slices.Clone(p.Outputs)
	for _, d := range c.derived {
		p.Outputs = append(p.Outputs, d.output)
	}
	p.Takes += c.heat.takes()
	open := p.Open
	p.Open = func(ctx context.Context, wire sensors.Wire) (sensors.Sensor, error) {
		driven, err := open(ctx, wire)
		if err != nil {
			return nil, err
		}
		return &sensor{Sensor: driven, conditioner: c, zone: sensors.Wire{Log: wire.Log}}, nil
	}
	return p, nil
}

// A conditioner is what a plan keeps over the lives of its sensors.
type conditioner struct {
	channels []*channel // one for each output of the driver
	heat     *heat      // nil: none
	derived  []derived
	reading  sensors.Reading // kept, so that Read allocates nothing
}

// condition makes a reading of what the driver measured.
func (c *conditioner) condition(ctx context.Context, measured sensors.Reading, zone sensors.Wire) sensors.Reading {
	now := time.Now()
	for i, ch := range c.channels {
		c.reading[i] = ch.condition(measured[i], now)
	}
	c.heat.correct(ctx, c.reading, zone, now)
	for i, d := range c.derived {
		c.reading[len(c.channels)+i] = d.measure(c.reading)
	}
	return c.reading
}

// sensor is a driver's sensor whose readings are conditioned.
type sensor struct {
	sensors.Sensor
	*conditioner
	zone sensors.Wire // for the thermal zone, which is on no bus
}

// Read implements [sensors.Sensor].
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	measured, err := s.Sensor.Read(ctx)
	if err == nil && len(measured) != len(s.channels) {
		err = fmt.Errorf("driver gave %d measurements of %d", len(measured), len(s.channels))
	}
	if err != nil {
		return nil, err
	}
	return s.condition(ctx, measured, s.zone), nil
}

// Close implements [sensors.Sensor].
func (s *sensor) Close() error {
	return errors.Join(s.Sensor.Close(), s.heat.close())
}

// combined returns a value with the worst quality of the measurements that it
// was made of. If one of these has no value, neither has it, for the same
// reason; and a formula that gives no number was used beyond its bounds.
func combined(value float64, of ...sensors.Measurement) sensors.Measurement {
	m := sensors.Value(value)
	for _, o := range of {
		if !o.Valid() {
			return sensors.NoValue(o.Reason)
		}
		m = m.Doubtful(o.Quality, o.Reason)
	}
	if !m.Valid() {
		return sensors.NoValue(beyond)
	}
	return m
}

const beyond = "cannot be computed: no formula holds below -80 °C, above 100 °C, or where there is no humidity at all"

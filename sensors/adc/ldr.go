package adc

import (
	"math"

	"sensor-agent/sensors"
)

// An LDR is a divider of a light-dependent resistor (photocell, CdS cell) and
// a fixed resistor, between a supply of vref and ground. The zero value is a
// GL5528 between supply and input with 10 kΩ to ground: the voltage rises
// with the light.
//
// R10 and gamma differ from cell to cell, so that lux from data sheet figures
// can be wrong by a factor of two to three either way. For better, put a lux
// meter beside the cell and set r10 to what makes both agree.
type LDR struct {
	Side  string   `yaml:"side" help:"where the cell sits in the divider: supply (default) or ground"`
	Fixed Ohms     `yaml:"fixed" help:"the divider's other resistor, Ω (default 10k)"`
	R10   Ohms     `yaml:"r10" help:"resistance of the cell at 10 lx, Ω (default 15k)"`
	Gamma *float64 `yaml:"gamma" help:"steepness of the cell: decades of resistance for a decade of light (default 0.7)"`
}

// The places of the cell.
const (
	supplySide = "supply"
	groundSide = "ground"
)

// conversion checks l, which is the option at. At a rail there is no value but
// what the rail may mean: the cell then has no resistance to speak of, or an
// infinite one.
func (l LDR) conversion(at string, low, high float64) (func(Level) sensors.Measurement, error) {
	l, err := l.complete(at)
	if err != nil {
		return nil, err
	}
	atLow := "input at 0 V: too dark to measure, the light cell is torn off, or the divider has no supply"
	atHigh := "input at the supply voltage: too bright to measure, the light cell is shorted, or the fixed resistor is torn off"
	if l.Side == groundSide {
		atLow = "input at 0 V: too bright to measure, the light cell is shorted, or the divider has no supply"
		atHigh = "input at the supply voltage: too dark to measure, or the light cell is torn off"
	}
	return func(v Level) sensors.Measurement {
		switch {
		case v.Fraction <= low:
			return sensors.NoValue(atLow)
		case v.Fraction >= high:
			return sensors.NoValue(atHigh)
		}
		return sensors.Value(l.lux(l.resistance(v.Fraction)))
	}, nil
}

// complete fills in what was left out and checks the rest.
func (l LDR) complete(at string) (LDR, error) {
	if l.Side == "" {
		l.Side = supplySide
	}
	if l.Fixed == 0 {
		l.Fixed = 10_000
	}
	if l.R10 == 0 {
		l.R10 = 15_000
	}
	if l.Gamma == nil {
		l.Gamma = new(0.7)
	}
	if l.Side != supplySide && l.Side != groundSide {
		return l, sensors.BadOption(at+".side", "there is no side %q: choose %s or %s", l.Side, supplySide, groundSide)
	}
	if !(*l.Gamma >= 0.1 && *l.Gamma <= 2) { // so written, it refuses NaN
		return l, sensors.BadOption(at+".gamma", "%v is outside 0.1 to 2 (most cells have 0.5 to 0.9)", *l.Gamma)
	}
	return l, nil
}

// resistance returns that of the cell in ohms: 0 to +Inf for a fraction of the
// supply of 0 to 1.
func (l LDR) resistance(fraction float64) float64 {
	if l.Side == supplySide {
		return float64(l.Fixed) * (1 - fraction) / fraction
	}
	return float64(l.Fixed) * fraction / (1 - fraction)
}

// lux returns the illuminance for a resistance in ohms. By the definition of
// gamma in the data sheets of CdS cells, log R falls by gamma for each decade
// of light, from R10 at 10 lx.
func (l LDR) lux(resistance float64) float64 {
	return 10 * math.Pow(float64(l.R10)/resistance, 1 / *l.Gamma)
}

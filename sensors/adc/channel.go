// Package adc is what analog-to-digital converters have in common: the
// channels of a configuration, and what a voltage stands for. It reaches no
// chip; the drivers of the converters do that.
package adc

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"sensor-agent/sensors"
)

// A Channel is one entry of a converter's `channels` option: an input and what
// is wired to it. One input may appear more than once, under several keys.
type Channel struct {
	Channel  int     `yaml:"channel" help:"input of the converter, from 0"`
	Quantity string  `yaml:"quantity" help:"voltage (default), fraction (of vref, 0..1), illuminance (with ldr), or any quantity with linear"`
	Key      string  `yaml:"key" help:"JSON key (default: the quantity's)"`
	LDR      *LDR    `yaml:"ldr" help:"the input is a divider with a light-dependent resistor"`
	Linear   *Linear `yaml:"linear" help:"the input is proportional to the quantity: volts × scale + offset"`
}

// Linear turns volts into a quantity: volts × Scale + Offset. A TMP36 gives
// 0.5 V at 0 °C and 10 mV for each degree: scale 100, offset -50.
type Linear struct {
	Scale  float64 `yaml:"scale" help:"units of the quantity for each volt"`
	Offset float64 `yaml:"offset" help:"the quantity at 0 V, in its unit"`
}

// A Level is one conversion.
type Level struct {
	Volts    float64 // at the input
	Fraction float64 // of vref; a little outside 0..1 if the chip measures there
}

// A Converter is what has to be known of a chip to judge its channels.
type Converter struct {
	Channels int // inputs 0..Channels-1
	// The fractions at and beyond which nothing can be told from a divider,
	// because its output lies at ground or at its supply.
	Low, High float64
}

// An Input is a channel that has been checked.
type Input struct {
	Channel int
	Output  sensors.Output
	// Measure tells what a level at this input stands for. It allocates
	// nothing and gives a finite value or a reason why there is none.
	Measure func(Level) sensors.Measurement
}

// Configure checks channels, whose order it keeps. Its error joins a
// [sensors.OptionError] for each thing wrong, as far as they can be told apart.
func (c Converter) Configure(channels []Channel) ([]Input, error) {
	if len(channels) == 0 {
		return nil, sensors.BadOption("channels", "there is none: list at least one, as in `channels: [{channel: 0}]`")
	}
	inputs := make([]Input, len(channels))
	var errs []error
	first := make(map[string]int) // entry of each key
	for i, ch := range channels {
		at := fmt.Sprintf("channels[%d]", i)
		if ch.Channel < 0 || ch.Channel >= c.Channels {
			errs = append(errs, sensors.BadOption(at+".channel", "there is no channel %d: the chip has 0 to %d", ch.Channel, c.Channels-1))
		}
		q, measure, err := c.conversion(ch, at)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		key := ch.Key
		if key == "" {
			key = q.Key
		}
		if other, taken := first[key]; taken {
			errs = append(errs, sensors.BadOption(at+".key", "channels %d and %d both give %q: set `key` on one of them", channels[other].Channel, ch.Channel, key))
			continue
		}
		first[key] = i
		inputs[i] = Input{ch.Channel, sensors.Output{Key: key, Quantity: q}, measure}
	}
	return inputs, errors.Join(errs...)
}

// Outputs returns the output of each input.
func Outputs(inputs []Input) []sensors.Output {
	outputs := make([]sensors.Output, len(inputs))
	for i, in := range inputs {
		outputs[i] = in.Output
	}
	return outputs
}

// CheckVref refuses a `vref` that no converter here can have: 0.25 V is the
// least a MCP3xxx takes as its reference, 5.5 V the highest supply of all.
func CheckVref(volts float64) error {
	if !(volts >= 0.25 && volts <= 5.5) { // so written, it refuses NaN
		return sensors.BadOption("vref", "%v V is outside 0.25 to 5.5 V", volts)
	}
	return nil
}

// conversion chooses what a channel gives and how. at is the option ch is.
func (c Converter) conversion(ch Channel, at string) (q sensors.Quantity, measure func(Level) sensors.Measurement, err error) {
	name := ch.Quantity
	switch {
	case name != "":
	case ch.LDR != nil:
		name = sensors.Illuminance.Name
	default:
		name = sensors.Voltage.Name
	}
	q, known := sensors.QuantityNamed(name)
	switch {
	case !known:
		err = sensors.BadOption(at+".quantity", "there is no quantity %q: choose one of %s", name, quantityNames())
	case ch.LDR != nil && ch.Linear != nil:
		err = sensors.BadOption(at, "`ldr` and `linear` exclude each other: keep one")
	case ch.LDR != nil && q != sensors.Illuminance:
		err = sensors.BadOption(at+".quantity", "`ldr` gives illuminance, not %s: leave `quantity` out", name)
	case ch.LDR != nil:
		measure, err = ch.LDR.conversion(at+".ldr", c.Low, c.High)
	case ch.Linear != nil:
		measure, err = ch.Linear.conversion(at + ".linear")
	case q == sensors.Voltage:
		measure = func(l Level) sensors.Measurement { return sensors.Value(l.Volts) }
	case q == sensors.Fraction:
		measure = func(l Level) sensors.Measurement { return sensors.Value(min(max(l.Fraction, 0), 1)) }
	case q == sensors.Illuminance:
		err = sensors.BadOption(at, "illuminance needs to know what is wired: write `ldr: {fixed: 10k, r10: 15k, gamma: 0.7}` for a light-dependent resistor, "+
			"or `linear: {scale: …, offset: …}` for a sensor with a voltage output")
	default:
		err = sensors.BadOption(at, "%s needs to know what a volt stands for: write `linear: {scale: …, offset: …}`", name)
	}
	return q, measure, err
}

// conversion checks l, which is the option at. The limit keeps every product
// finite.
func (l Linear) conversion(at string) (func(Level) sensors.Measurement, error) {
	const limit = 1e12
	switch {
	case l.Scale == 0:
		return nil, sensors.BadOption(at+".scale", "it is missing or 0: write how many units of the quantity a volt stands for")
	case !(math.Abs(l.Scale) <= limit): // so written, it refuses NaN
		return nil, sensors.BadOption(at+".scale", "%v is outside ±%g", l.Scale, limit)
	case !(math.Abs(l.Offset) <= limit):
		return nil, sensors.BadOption(at+".offset", "%v is outside ±%g", l.Offset, limit)
	}
	return func(v Level) sensors.Measurement {
		return sensors.Value(v.Volts*l.Scale + l.Offset)
	}, nil
}

func quantityNames() string {
	var names []string
	for _, q := range sensors.Quantities() {
		names = append(names, q.Name)
	}
	return strings.Join(names, ", ")
}

// Package ads1115 drives the ADS1115 (16 bit) and ADS1015 (12 bit),
// analog-to-digital converters on I2C with four inputs, measured single-ended
// against ground. The pairs of the differential modes and the comparator are
// not offered.
//
// Every value is a single conversion of its own: started, waited for by the
// chip's ready bit, and read until two reads agree, as I2C has no checksum. A
// chip's oscillator may be 10 % slow, so that who reads after the nominal time
// gets the value of the channel before. One that lost its power gives 0 V, so
// that after each value its configuration has to vouch for it.
//
// Data sheets: Texas Instruments SBAS444 (ADS1115), SBAS473 (ADS1015). Neither
// chip has an identity and both have the same registers: an ADS1015 configured
// as an ADS1115 works, only faster; an ADS1115 configured as an ADS1015 is too
// slow and is reported so.
package ads1115

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sensor-agent/sensors"
	"sensor-agent/sensors/adc"
	"sensor-agent/sensors/registers"
)

type chip struct {
	name   string
	bits   int
	speed  int   // by default
	speeds []int // conversions per second by DR, bits 7:5 of the configuration register
}

// family lists the chips.
var family = []chip{
	{"ads1115", 16, 128, []int{8, 16, 32, 64, 128, 250, 475, 860}},
	{"ads1015", 12, 1600, []int{128, 250, 490, 920, 1600, 2400, 3300}},
}

// fullScales lists the ranges in volts by PGA, bits 11:9 of the configuration
// register.
var fullScales = []float64{6.144, 4.096, 2.048, 1.024, 0.512, 0.256}

type options struct {
	FullScale float64       `yaml:"full_scale" help:"range in volts: 6.144, 4.096, 2.048, 1.024, 0.512 or 0.256; the smaller, the finer (no input may exceed the chip's supply all the same)"`
	Speed     int           `yaml:"speed" help:"conversions per second; the slower, the less noise (ads1115: 8 to 860, ads1015: 128 to 3300)"`
	Vref      float64       `yaml:"vref" help:"supply of what is wired to the inputs, V: 1 as a fraction, and the top of an ldr's divider"`
	Channels  []adc.Channel `yaml:"channels" help:"the inputs to read, and what is wired to each"`
}

// Drivers returns the drivers of both chips.
func Drivers() []sensors.Driver {
	var drivers []sensors.Driver
	for _, c := range family {
		d := sensors.Driver{
			Name:      c.name,
			Summary:   fmt.Sprintf("analog-to-digital converter, 4 channels of %d bit: volts, light cells, analog sensors", c.bits),
			Bus:       sensors.I2C,
			Addresses: []uint16{0x48, 0x49, 0x4A, 0x4B},
			Example:   "channels: [{channel: 0}]",
		}
		if c.bits == 16 { // which is also what an ADS1015 is taken for
			d.Identify = recognise
		}
		drivers = append(drivers, sensors.NewDriver(d, options{FullScale: 4.096, Speed: c.speed, Vref: 3.3}, c.plan))
	}
	return drivers
}

func (c chip) plan(o options) (sensors.Plan, error) {
	pga, dr := slices.Index(fullScales, o.FullScale), slices.Index(c.speeds, o.Speed)
	volts := o.FullScale / 32768 // of bit 0, whatever the resolution
	step := 1 << (16 - c.bits)   // values are left-aligned
	converter := adc.Converter{Channels: 4, Low: float64(step+offset) * volts / o.Vref, High: 1 - supplyTolerance}
	inputs, err := converter.Configure(o.Channels)
	errs := []error{adc.CheckVref(o.Vref), err}
	if pga < 0 {
		errs = append(errs, sensors.BadOption("full_scale", "the chip has no range of %v V: choose one of %v", o.FullScale, fullScales))
	}
	if dr < 0 {
		errs = append(errs, sensors.BadOption("speed", "the chip cannot make %d conversions per second: choose one of %v", o.Speed, c.speeds))
	}
	if err := errors.Join(errs...); err != nil {
		return sensors.Plan{}, err
	}
	timing := timingOf(o.Speed)
	return sensors.Plan{
		Outputs: adc.Outputs(inputs),
		Takes:   time.Duration(len(inputs)) * timing.takes(),
		Open: func(ctx context.Context, wire sensors.Wire) (sensors.Sensor, error) {
			s := &sensor{
				chip:     registers.Chip{Bus: wire.I2C, Address: wire.Address},
				settings: settings(pga, dr),
				timing:   timing,
				volts:    volts,
				vref:     o.Vref,
				top:      0x8000 - step,
				beyond:   beyond(o.FullScale),
				inputs:   inputs,
				reading:  make(sensors.Reading, len(inputs)),
			}
			if err := s.open(ctx); err != nil {
				return nil, err
			}
			return s, nil
		},
	}, nil
}

const (
	// offset is the error of zero in units of bit 0 (SBAS444, electrical
	// characteristics: ±3).
	offset = 3
	// supplyTolerance is how near to vref, as a fraction of it, the output of
	// a divider cannot be told from its supply: the chip measures against a
	// reference of its own, and few supplies are known better.
	supplyTolerance = 0.01
)

// beyond says why a saturated conversion has no value.
func beyond(fullScale float64) string {
	if fullScale == fullScales[0] {
		return fmt.Sprintf("input beyond the ±%v V full scale, the largest there is: lower the voltage", fullScale)
	}
	return fmt.Sprintf("input beyond the ±%v V full scale: raise `full_scale`", fullScale)
}

// A timing is how long one conversion is waited for.
type timing struct {
	shortest time.Duration // before which none has ended
	typical  time.Duration // before the ready bit is first looked at
	limit    time.Duration // until it must be set
	again    time.Duration // between looks
}

// timingOf returns that of a number of conversions per second: 1/speed, and
// as the oscillator may be 10 % slow, 1/0.9 of that (SBAS444, electrical
// characteristics: data rate variation), with 2 ms for the chip to wake up and
// for a busy kernel; or 10 % fast, 1/1.1 of it.
func timingOf(speed int) timing {
	typical := time.Second / time.Duration(speed)
	return timing{
		shortest: typical * 10 / 11,
		typical:  typical,
		limit:    typical*10/9 + 2*time.Millisecond,
		again:    typical/10 + 100*time.Microsecond,
	}
}

// takes returns how long a channel takes at most: the conversion, the last
// look at the ready bit, and eighteen transactions of half a millisecond at
// 100 kHz.
func (t timing) takes() time.Duration {
	return t.limit + t.again + 9*time.Millisecond
}

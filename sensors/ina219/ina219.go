// Package ina219 drives the Texas Instruments INA219, which measures a supply:
// its voltage up to 26 V, and the current through a shunt resistor.
//
// Every Read has the chip measure once, averaging 32 conversions, about a
// cycle of the mains; between readings it idles. The chip can also compute
// current and power, from a calibration register that a reset clears, after
// which it says 0 A. Here they are computed from the two voltages instead. The
// chip sends no checksum: what it says is read until two reads agree. After a
// loss of power it says 0 V, so that its configuration has to vouch for the
// values once they have been read.
//
// Registers and times: Texas Instruments INA219 data sheet (SBOS448),
// "Register Maps" and "Electrical Characteristics".
package ina219

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sensor-agent/sensors"
	"sensor-agent/sensors/registers"
)

const (
	regConfig      = 0x00
	regShunt       = 0x01 // two's complement, 10 µV
	regBus         = 0x02 // 4 mV in the top 13 bits
	regCalibration = 0x05
)

// Bits that are always 0, and so tell another chip.
const (
	unusedConfig      = 0xC000 // one resets the chip, one is unused
	unusedBus         = 0x0004
	unusedCalibration = 0x0001
)

// Bits of the configuration register.
const (
	range32V  = 1 << 13
	average32 = 0b1101<<7 | 0b1101<<3 // both voltages
	trigger   = 0b011                 // once, both voltages
	powerDown = 0b000
	gainShift = 11 // 0 to 3: full scale of the shunt voltage 40, 80, 160, 320 mV
)

const (
	converted = 0x0002 // in regBus: the conversion has ended; reading may clear it

	fullBus   = 8000 // 32 V
	fullShunt = 4000 // 40 mV, at gain 0

	conversion = 38 * time.Millisecond // 2 x 32 x 586 µs at most
	poll       = 5 * time.Millisecond
	polls      = 3
)

type options struct {
	Shunt      float64 `yaml:"shunt" help:"resistance of the shunt in ohm; one marked R100 has 0.1"`
	MaxCurrent float64 `yaml:"max_current" help:"largest current to be measured in A, either way: the smaller, the more exact; 0: all the shunt allows, 0.32 V / shunt"`
}

// Driver returns the driver of the INA219.
func Driver() sensors.Driver {
	addresses := make([]uint16, 16) // by what two pins are tied to
	for i := range addresses {
		addresses[i] = 0x40 + uint16(i)
	}
	return sensors.NewDriver(sensors.Driver{
		Name:      "ina219",
		Summary:   "voltage, current and power of a supply up to 26 V",
		Bus:       sensors.I2C,
		Addresses: addresses,
		Identify:  recognise,
	}, options{Shunt: 0.1}, plan)
}

func plan(o options) (sensors.Plan, error) {
	if !(o.Shunt >= 1e-4 && o.Shunt <= 1e3) { // not-a-number fails too
		return sensors.Plan{}, sensors.BadOption("shunt", "%v ohm is outside 0.0001 to 1000 ohm", o.Shunt)
	}
	gain, err := gainFor(o)
	if err != nil {
		return sensors.Plan{}, err
	}
	return sensors.Plan{
		Outputs: []sensors.Output{
			sensors.Voltage.Output(sensors.Limits{Max: 26}), // more destroys it ("Absolute Maximum Ratings")
			sensors.Current.Output(sensors.Limits{}),        // has no value beyond its range
			sensors.Power.Output(sensors.Limits{}),
		},
		Takes: conversion + polls*poll + 9*time.Millisecond,
		Open: func(_ context.Context, wire sensors.Wire) (sensors.Sensor, error) {
			return open(wire, o.Shunt, gain)
		},
	}, nil
}

// gainFor returns the finest gain, 0 to 3, at which the largest current can be
// measured.
func gainFor(o options) (int, error) {
	ranges := [...]float64{0.04, 0.08, 0.16, 0.32} // V across the shunt
	if o.MaxCurrent == 0 {
		return len(ranges) - 1, nil
	}
	volts := o.MaxCurrent * o.Shunt
	for gain, full := range ranges {
		if volts > 0 && volts <= full*(1+1e-9) { // 0.4 A x 0.1 ohm comes out above 0.04
			return gain, nil
		}
	}
	return 0, sensors.BadOption("max_current", "%v A is outside 0 to %.4g A, what a shunt of %v ohm allows", o.MaxCurrent, 0.32/o.Shunt, o.Shunt)
}

type sensor struct {
	chip    registers.Chip
	shunt   float64 // ohm
	config  uint16
	limit   int // full scale of regShunt
	reading [3]sensors.Measurement
}

func open(wire sensors.Wire, shunt float64, gain int) (sensors.Sensor, error) {
	s := &sensor{
		chip:   registers.Chip{Bus: wire.I2C, Address: wire.Address},
		shunt:  shunt,
		config: range32V | uint16(gain)<<gainShift | average32 | trigger,
		limit:  fullShunt << gain,
	}
	switch err := s.identify(); {
	case errors.Is(err, registers.ErrUnsteady):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", sensors.ErrNotFound, err)
	}
	return s, nil
}

// identify takes the bits that are always 0 for the chip's identity: it has no
// number. It only reads, so that another chip at the address is left alone.
func (s *sensor) identify() error {
	for _, known := range []struct {
		register byte
		unused   uint16
	}{
		{regConfig, unusedConfig},
		{regBus, unusedBus},
		{regCalibration, unusedCalibration},
	} {
		value, err := s.chip.Read(known.register)
		if err != nil {
			return fmt.Errorf("looking for an INA219: %w", err)
		}
		if value&known.unused != 0 {
			return fmt.Errorf("expected an INA219; found %#04x in register %#02x, which none can have", value, known.register)
		}
	}
	return nil
}

// Read measures once. Current and power are negative when the current flows
// from the load to the supply, and have no value when it is beyond the range.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	if err := s.start(); err != nil {
		return nil, fmt.Errorf("starting a conversion: %w", err)
	}
	if err := s.converted(ctx); err != nil {
		return nil, err
	}
	shunt, err := s.chip.Read(regShunt)
	if err != nil {
		return nil, err
	}
	bus, err := s.chip.Read(regBus)
	if err != nil {
		return nil, err
	}
	if err := s.verify(s.config); err != nil {
		return nil, err
	}
	if bus>>3 > fullBus {
		return nil, fmt.Errorf("the bus voltage reads %#04x, which is more than the chip can tell: check the wiring", bus)
	}
	volts := float64(bus>>3) * 4e-3
	s.reading[0] = sensors.Value(volts)
	if raw := int(int16(shunt)); raw > -s.limit && raw < s.limit {
		amperes := float64(raw) * 10e-6 / s.shunt
		s.reading[1] = sensors.Value(amperes)
		s.reading[2] = sensors.Value(volts * amperes)
	} else {
		s.reading[1] = sensors.NoValue("the current is beyond max_current or what the shunt allows")
		s.reading[2] = s.reading[1]
	}
	return s.reading[:], nil
}

// Close powers the chip down.
func (s *sensor) Close() error { return s.chip.Write(regConfig, s.down()) }

// down is the configuration of a chip that is powered down.
func (s *sensor) down() uint16 { return s.config&^trigger | powerDown }

// start starts a conversion. It powers the chip down before, so that the
// configuration in the end tells a start that was lost on the wire: the values
// of the conversion before would pass for those of this one.
func (s *sensor) start() error {
	if err := s.chip.Write(regConfig, s.down()); err != nil {
		return err
	}
	if err := s.verify(s.down()); err != nil {
		return err
	}
	return s.chip.Write(regConfig, s.config)
}

// verify demands that the configuration is as written.
func (s *sensor) verify(written uint16) error {
	config, err := s.chip.Read(regConfig)
	if err != nil {
		return err
	}
	if config != written {
		return fmt.Errorf("the configuration is %#04x after %#04x was written: the chip was reset, check its supply, or the bus is disturbed", config, written)
	}
	return nil
}

// converted waits for the end of the conversion. The register that tells is
// read once only, since that may clear it: read wrongly, it costs a wait, for
// the first look is when each chip has ended.
func (s *sensor) converted(ctx context.Context) error {
	wait := conversion
	for range 1 + polls {
		if err := sensors.Sleep(ctx, wait); err != nil {
			return err
		}
		bus, err := s.chip.ReadOnce(regBus)
		if err != nil {
			return fmt.Errorf("waiting for the conversion: %w", err)
		}
		if bus&converted != 0 {
			return nil
		}
		wait = poll
	}
	return errors.New("the conversion does not end")
}

// Package tmp102 drives the Texas Instruments TMP102 and TMP112, small
// thermometers. The TMP75 and the LM75 have the same temperature register but
// another configuration, and are not for this driver.
//
// Every Read has the chip measure once; between readings it is shut down. So
// a value is never from before a reset or a shutdown, and what another program
// has set is overwritten. The chip sends no checksum: a value is returned only
// when two reads agree.
//
// Registers and times: Texas Instruments TMP102 data sheet (SBOS397),
// "Programming" and "Electrical Characteristics".
package tmp102

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"sensor-agent/sensors"
)

const (
	regTemperature = 0x00
	regConfig      = 0x01
)

// Bits of the configuration register.
const (
	oneShot    = 0x8000 // written: measure once; read: done
	resolution = 0x6000 // read-only, always 12 bits
	shutdown   = 0x0100
	pace       = 0x0080 // of continuous conversion, as after power-up
	alert      = 0x0020 // read-only, either way
	unused     = 0x000F // always 0

	measure = oneShot | resolution | shutdown | pace
)

const (
	conversion = 35 * time.Millisecond // at most; typically 26 ms
	poll       = 5 * time.Millisecond
	polls      = 4
)

// What the chip is made for, °C.
const lowest, highest = -40.0, 125.0

// Driver returns the driver of the TMP102.
func Driver() sensors.Driver {
	return sensors.NewDriver(sensors.Driver{
		Name:      "tmp102",
		Summary:   "temperature: TMP102, TMP112",
		Bus:       sensors.I2C,
		Addresses: []uint16{0x48, 0x49, 0x4A, 0x4B},
		Identify:  recognise,
	}, struct{}{}, func(struct{}) (sensors.Plan, error) {
		return sensors.Plan{
			Outputs: sensors.OutputsOf(sensors.Temperature),
			Takes:   conversion + polls*poll + 5*time.Millisecond,
			Open:    open,
		}, nil
	})
}

type sensor struct {
	chip    i2c.Dev
	buf     [3]byte
	reading [1]sensors.Measurement
}

// open takes the bits of the configuration that cannot change for the chip's
// identity: it has no number. It only reads, so that another chip at the
// address is left alone.
func open(_ context.Context, wire sensors.Wire) (sensors.Sensor, error) {
	s := &sensor{chip: i2c.Dev{Bus: wire.I2C, Addr: wire.Address}}
	config, err := s.register(regConfig)
	if err != nil {
		return nil, fmt.Errorf("%w: reading the configuration of the TMP102: %w", sensors.ErrNotFound, err)
	}
	if config&(resolution|unused) != resolution {
		return nil, fmt.Errorf("%w: expected a TMP102; found configuration %#04x, which none can have", sensors.ErrNotFound, config)
	}
	return s, nil
}

// Read measures once.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	if err := s.measure(ctx); err != nil {
		return nil, err
	}
	raw, err := s.agreed(regTemperature)
	if err != nil {
		return nil, fmt.Errorf("reading the temperature: %w", err)
	}
	// 12 bits of two's complement at the top ("Temperature Register").
	celsius := float64(int16(raw)>>4) / 16
	if celsius < lowest || celsius > highest {
		return nil, fmt.Errorf("the chip measured %.1f °C, outside its range of %v to %v °C: check its wiring", celsius, lowest, highest)
	}
	s.reading[0] = sensors.Value(celsius)
	return s.reading[:], nil
}

// Close does nothing: the chip is shut down between readings.
func (s *sensor) Close() error { return nil }

// measure starts a conversion and returns when it has ended.
func (s *sensor) measure(ctx context.Context) error {
	s.buf[0] = regConfig
	binary.BigEndian.PutUint16(s.buf[1:], measure)
	if err := s.chip.Tx(s.buf[:], nil); err != nil {
		return fmt.Errorf("starting a conversion: %w", err)
	}
	wait := conversion
	for range 1 + polls {
		if err := sensors.Sleep(ctx, wait); err != nil {
			return err
		}
		config, err := s.register(regConfig)
		if err != nil {
			return fmt.Errorf("waiting for the conversion: %w", err)
		}
		if config&^alert == measure {
			return nil
		}
		wait = poll
	}
	return errors.New("the conversion does not end: the chip was reset, or the bus is disturbed")
}

// agreed reads a register until two reads in a row agree.
func (s *sensor) agreed(register byte) (uint16, error) {
	last := -1
	for range 4 {
		value, err := s.register(register)
		if err != nil {
			return 0, err
		}
		if int(value) == last {
			return value, nil
		}
		last = int(value)
	}
	return 0, errors.New("no two reads agree: check the wiring and the pull-ups")
}

func (s *sensor) register(register byte) (uint16, error) {
	s.buf[0] = register
	if err := s.chip.Tx(s.buf[:1], s.buf[1:]); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint16(s.buf[1:]), nil
}

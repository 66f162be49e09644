// Package tmp102 drives the Texas Instruments TMP102 and TMP112, small
// thermometers. The TMP75 and the LM75 have the same temperature register but
// another configuration, and are not for this driver.
//
// Every Read has the chip measure once; between readings it is shut down. So
// a value is never from before a reset or a shutdown, and what another program
// has set is overwritten. The chip sends no checksum: what it says is read until
// two reads agree. After a loss of power it says 0 °C, so that its configuration
// has to vouch for the value once it has been read.
//
// Registers and times: Texas Instruments TMP102 data sheet (SBOS397),
// "Programming" and "Electrical Characteristics".
package tmp102

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sensor-agent/sensors"
	"sensor-agent/sensors/registers"
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
	shortest   = 10 * time.Millisecond // any conversion takes longer
	poll       = 5 * time.Millisecond
	polls      = 4
)

// limits are those of the chip (SBOS397, "Recommended Operating Conditions"). It
// has no noise: a step is 0.0625 °C.
var limits = sensors.Limits{Min: -40, Max: 125, Step: sensors.TemperatureStep}

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
			Outputs: []sensors.Output{sensors.Temperature.Output(limits)},
			Takes:   conversion + polls*poll + 8*time.Millisecond,
			Open:    open,
		}, nil
	})
}

type sensor struct {
	chip    registers.Chip
	reading [1]sensors.Measurement
}

// open takes the bits of the configuration that cannot change for the chip's
// identity: it has no number. It only reads, so that another chip at the
// address is left alone.
func open(_ context.Context, wire sensors.Wire) (sensors.Sensor, error) {
	s := &sensor{chip: registers.Chip{Bus: wire.I2C, Address: wire.Address}}
	config, err := s.chip.Read(regConfig)
	switch {
	case errors.Is(err, registers.ErrUnsteady):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: looking for a TMP102: %w", sensors.ErrNotFound, err)
	case config&(resolution|unused) != resolution:
		return nil, fmt.Errorf("%w: expected a TMP102; found configuration %#04x, which none can have", sensors.ErrNotFound, config)
	}
	return s, nil
}

// Read measures once.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	if err := s.start(); err != nil {
		return nil, fmt.Errorf("starting a conversion: %w", err)
	}
	if err := s.converted(ctx); err != nil {
		return nil, err
	}
	raw, err := s.chip.Read(regTemperature)
	if err != nil {
		return nil, err
	}
	config, err := s.chip.Read(regConfig)
	if err != nil {
		return nil, err
	}
	if !done(config) {
		return nil, fmt.Errorf("the configuration is %#04x after %#04x was written: the chip was reset, check its supply", config, measure)
	}
	// 12 bits of two's complement at the top ("Temperature Register").
	s.reading[0] = sensors.Value(float64(int16(raw)>>4) / 16)
	return s.reading[:], nil
}

// Close does nothing: the chip is shut down between readings.
func (s *sensor) Close() error { return nil }

// start starts a conversion.
func (s *sensor) start() error {
	write := func() error { return s.chip.Write(regConfig, measure) }
	return sensors.Start(shortest, write, func() (bool, error) {
		config, err := s.chip.Read(regConfig)
		return !done(config), err
	})
}

// converted waits for the end of the conversion.
func (s *sensor) converted(ctx context.Context) error {
	wait := conversion
	for range 1 + polls {
		if err := sensors.Sleep(ctx, wait); err != nil {
			return err
		}
		config, err := s.chip.Read(regConfig)
		if err != nil {
			return fmt.Errorf("waiting for the conversion: %w", err)
		}
		if done(config) {
			return nil
		}
		wait = poll
	}
	return errors.New("the conversion does not end: the chip was reset, or the bus is disturbed")
}

// done reports whether a configuration is that of a conversion that has ended.
func done(config uint16) bool { return config&^alert == measure }

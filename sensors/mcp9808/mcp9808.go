// Package mcp9808 drives the Microchip MCP9808, an accurate thermometer.
//
// The chip measures by itself 4 times a second; what Read returns is no older
// than a conversion. It sends no checksum: what it says is read until two reads
// agree. After a loss of power it says 0 °C until it has measured, and after a
// shutdown the temperature of before. So the sensor is opened with a conversion
// waited for, and leaves a mark in the configuration that has to be there still
// when a value has been read.
//
// Registers and times: Microchip MCP9808 data sheet (DS25095), section 5.1.
package mcp9808

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sensor-agent/sensors"
	"sensor-agent/sensors/registers"
)

// Identity (data sheet DS25095, sections 5.1.4 and 5.1.5). The low byte of the
// device register is the revision.
const (
	regManufacturer = 0x06
	regDevice       = 0x07
	manufacturer    = 0x0054
	device          = 0x04
)

const (
	regConfig      = 0x01
	regTemperature = 0x05
	regResolution  = 0x08 // of 8 bits

	// mark is a hysteresis of 1.5 °C. The alert it belongs to is off, so that it
	// has no effect, but after a loss of power it is gone.
	mark     = 0x0200
	shutdown = 0x0100
	finest   = 0x03 // 0.0625 °C
)

// conversion is 250 ms typically at the finest resolution; no maximum is given.
const conversion = 300 * time.Millisecond

// limits are those of the chip ("Temperature Characteristics"). It has no noise:
// a step is 0.0625 °C.
var limits = sensors.Limits{Min: -40, Max: 125, Step: sensors.TemperatureStep}

// Driver returns the driver of the MCP9808.
func Driver() sensors.Driver {
	return sensors.NewDriver(sensors.Driver{
		Name:      "mcp9808",
		Summary:   "temperature, accurate to 0.5 °C",
		Bus:       sensors.I2C,
		Addresses: []uint16{0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F},
		Identify:  recognise,
	}, struct{}{}, func(struct{}) (sensors.Plan, error) {
		return sensors.Plan{
			Outputs: []sensors.Output{sensors.Temperature.Output(limits)},
			Takes:   5 * time.Millisecond,
			Open:    open,
		}, nil
	})
}

type sensor struct {
	chip    registers.Chip
	reading [1]sensors.Measurement
}

func open(ctx context.Context, wire sensors.Wire) (sensors.Sensor, error) {
	switch err := identify(wire); {
	case errors.Is(err, registers.ErrUnsteady):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", sensors.ErrNotFound, err)
	}
	if err := wire.I2C.Tx(wire.Address, []byte{regResolution, finest}, nil); err != nil {
		return nil, fmt.Errorf("setting the resolution: %w", err)
	}
	s := &sensor{chip: registers.Chip{Bus: wire.I2C, Address: wire.Address}}
	if err := s.chip.Write(regConfig, mark); err != nil {
		return nil, fmt.Errorf("configuring the chip: %w", err)
	}
	if err := sensors.Sleep(ctx, conversion); err != nil {
		return nil, err
	}
	return s, nil
}

// identify only reads, so that another chip at the address is left alone.
func identify(wire sensors.Wire) error {
	chip := registers.Chip{Bus: wire.I2C, Address: wire.Address}
	m, err := chip.Read(regManufacturer)
	if err != nil {
		return fmt.Errorf("reading the manufacturer: %w", err)
	}
	d, err := chip.Read(regDevice)
	if err != nil {
		return fmt.Errorf("reading the device: %w", err)
	}
	if m != manufacturer || d>>8 != device {
		return fmt.Errorf("expected an MCP9808, manufacturer %#04x device %#02x; found manufacturer %#04x device %#02x", manufacturer, device, m, d>>8)
	}
	return nil
}

// Read returns the temperature of the last conversion.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	if err := ctx.Err(); err != nil {
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
	if config != mark {
		return nil, fmt.Errorf("the configuration is %#04x after %#04x was written: the chip was reset, check its supply, or another program uses it", config, mark)
	}
	// 13 bits of two's complement, below three of alerts (5.1.3).
	s.reading[0] = sensors.Value(float64(int16(raw<<3)>>3) / 16)
	return s.reading[:], nil
}

// Close shuts the chip down.
func (s *sensor) Close() error { return s.chip.Write(regConfig, mark|shutdown) }

// Package mcp9808 drives the Microchip MCP9808, an accurate thermometer,
// through periph's driver of that name.
//
// Of periph's driver only New, SenseTemp and Halt are used. It takes any chip
// for an MCP9808 and returns whatever the register holds, which is 0 °C after
// power-up and the last value from before a shutdown. So Open verifies the
// chip's numbers and then lets it finish a conversion, and so does the Read
// after one that failed. The chip sends no checksum: a value is returned only
// when two reads agree. Nothing waits without bound; a transaction under way
// does not end with the context.
//
// The chip measures by itself 4 times a second; what Read returns is no older
// than a conversion.
package mcp9808

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/mmr"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/devices/v3/mcp9808"

	"sensor-agent/sensors"
)

// Identity (data sheet DS25095, sections 5.1.4 and 5.1.5). The low byte of the
// device register is the revision.
const (
	regManufacturer = 0x06
	regDevice       = 0x07
	manufacturer    = 0x0054
	device          = 0x04
)

// conversion is 250 ms typically at the finest resolution; no maximum is given.
const conversion = 300 * time.Millisecond

// What the chip is made for, °C.
const lowest, highest = -40.0, 125.0

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
			Outputs: sensors.OutputsOf(sensors.Temperature),
			Takes:   5 * time.Millisecond,
			Open:    open,
		}, nil
	})
}

type sensor struct {
	chip    *mcp9808.Dev
	failed  bool // the last Read did: the chip may be powering up
	reading [1]sensors.Measurement
}

func open(ctx context.Context, wire sensors.Wire) (sensors.Sensor, error) {
	if err := identify(wire); err != nil {
		return nil, fmt.Errorf("%w: %w", sensors.ErrNotFound, err)
	}
	chip, err := mcp9808.New(wire.I2C, &mcp9808.Opts{Addr: int(wire.Address), Res: mcp9808.Maximum})
	if err != nil {
		return nil, fmt.Errorf("configuring the chip: %w", err)
	}
	if err := sensors.Sleep(ctx, conversion); err != nil {
		return nil, err
	}
	return &sensor{chip: chip}, nil
}

// identify only reads, so that another chip at the address is left alone.
func identify(wire sensors.Wire) error {
	registers := mmr.Dev8{Conn: &i2c.Dev{Bus: wire.I2C, Addr: wire.Address}, Order: binary.BigEndian}
	m, err := registers.ReadUint16(regManufacturer)
	if err != nil {
		return fmt.Errorf("reading the manufacturer: %w", err)
	}
	d, err := registers.ReadUint16(regDevice)
	if err != nil {
		return fmt.Errorf("reading the device: %w", err)
	}
	if m != manufacturer || d>>8 != device {
		return fmt.Errorf("expected an MCP9808, manufacturer %#04x device %#02x; found manufacturer %#04x device %#02x", manufacturer, device, m, d>>8)
	}
	return nil
}

// Read returns the temperature of the last conversion. After a failed Read it
// takes a conversion longer than planned.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	if s.failed {
		if err := sensors.Sleep(ctx, conversion); err != nil {
			return nil, err
		}
	}
	s.failed = true
	t, err := s.agreed(ctx)
	if err != nil {
		return nil, err
	}
	celsius := t.Celsius()
	if celsius < lowest || celsius > highest {
		return nil, fmt.Errorf("the chip measured %.1f °C, outside its range of %v to %v °C: check its wiring", celsius, lowest, highest)
	}
	s.failed = false
	s.reading[0] = sensors.Value(celsius)
	return s.reading[:], nil
}

// agreed reads until two reads in a row agree. A conversion that ends between
// them costs a third.
func (s *sensor) agreed(ctx context.Context) (physic.Temperature, error) {
	var last physic.Temperature // 0 K, which the register cannot hold
	for range 4 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		t, err := s.chip.SenseTemp()
		if err != nil {
			return 0, err
		}
		if t == last {
			return t, nil
		}
		last = t
	}
	return 0, errors.New("no two reads of the temperature agree: check the wiring and the pull-ups")
}

// Close shuts the chip down.
func (s *sensor) Close() error { return s.chip.Halt() }

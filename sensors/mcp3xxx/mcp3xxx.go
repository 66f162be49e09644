// Package mcp3xxx drives the MCP3004, MCP3008 (10 bit) and MCP3204, MCP3208
// (12 bit), analog-to-digital converters on SPI with 4 or 8 inputs, measured
// single-ended against ground.
//
// The chips have no registers and no identity. What they say beside the value is
// a null bit ahead of it, by which an absent chip is noticed if the data line
// then floats or is pulled up; one held at ground reads as 0 V. And they say the
// value twice, from the highest bit down and from the lowest up, so that one read
// wrongly is noticed and read again.
//
// Data sheets: Microchip DS21295 (MCP3004/3008), DS21298 (MCP3204/3208).
package mcp3xxx

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"sensor-agent/sensors"
	"sensor-agent/sensors/adc"
)

// maxClock is what the slowest of the family, a MCP3208 at 2.7 V, can do.
const maxClock = physic.MegaHertz

const (
	attempts = 4 // to read a value undisturbed
	// transferTakes allows for the frames of one value: 32 µs each on the wire,
	// the rest for a busy kernel.
	transferTakes = time.Millisecond
)

type chip struct {
	name     string
	channels int
	bits     int
}

type options struct {
	Vref     float64       `yaml:"vref" help:"voltage at the VREF pin, V"`
	Channels []adc.Channel `yaml:"channels" help:"the inputs to read, and what is wired to each"`
}

// Drivers returns the drivers of the family.
func Drivers() []sensors.Driver {
	var drivers []sensors.Driver
	for _, c := range []chip{
		{"mcp3004", 4, 10},
		{"mcp3008", 8, 10},
		{"mcp3204", 4, 12},
		{"mcp3208", 8, 12},
	} {
		drivers = append(drivers, sensors.NewDriver(sensors.Driver{
			Name:    c.name,
			Summary: fmt.Sprintf("analog-to-digital converter, %d channels of %d bit: volts, light cells, analog sensors", c.channels, c.bits),
			Bus:     sensors.SPI,
			Example: "channels: [{channel: 0}]",
		}, options{Vref: 3.3}, c.plan))
	}
	return drivers
}

func (c chip) plan(o options) (sensors.Plan, error) {
	steps := float64(int(1) << c.bits)
	// The supply of the dividers is the reference: only the outermost codes
	// are at a rail.
	converter := adc.Converter{Channels: c.channels, Low: 0, High: (steps - 1) / steps}
	inputs, err := converter.Configure(o.Channels)
	if err := errors.Join(adc.CheckVref(o.Vref), err); err != nil {
		return sensors.Plan{}, err
	}
	return sensors.Plan{
		Outputs: adc.Outputs(inputs),
		Takes:   time.Duration(len(inputs)) * transferTakes,
		Open: func(_ context.Context, wire sensors.Wire) (sensors.Sensor, error) {
			return open(wire.SPI, c.bits, o.Vref, inputs)
		},
	}, nil
}

type sensor struct {
	conn    spi.Conn
	bits    int
	vref    float64
	inputs  []adc.Input
	reading sensors.Reading
	tx, rx  frame // kept, so that a transfer allocates nothing
}

func open(port spi.Port, bits int, vref float64, inputs []adc.Input) (sensors.Sensor, error) {
	conn, err := port.Connect(maxClock, spi.Mode0, 8)
	if err != nil {
		return nil, fmt.Errorf("setting up SPI mode 0 at %v: %w", maxClock, err)
	}
	s := &sensor{conn: conn, bits: bits, vref: vref, inputs: inputs, reading: make(sensors.Reading, len(inputs))}
	switch _, err := s.convert(inputs[0].Channel); {
	case errors.Is(err, errNoNullBit):
		return nil, fmt.Errorf("%w: %w", sensors.ErrNotFound, err)
	case err != nil:
		return nil, err
	}
	return s, nil
}

// Read converts the configured channels back to back.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	for i, in := range s.inputs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		raw, err := s.convert(in.Channel)
		if err != nil {
			return nil, err
		}
		fraction := float64(raw) / float64(int(1)<<s.bits)
		s.reading[i] = in.Measure(adc.Level{Volts: fraction * s.vref, Fraction: fraction})
	}
	return s.reading, nil
}

// Close does nothing: the chip rests between conversions.
func (s *sensor) Close() error { return nil }

// convert reads a channel until its value comes whole.
func (s *sensor) convert(channel int) (int, error) {
	var raw int
	var err error
	for range attempts {
		s.tx = request(s.bits, channel)
		if err := s.conn.Tx(s.tx[:], s.rx[:]); err != nil {
			return 0, fmt.Errorf("reading channel %d: %w", channel, err)
		}
		if raw, err = result(s.bits, s.rx); err == nil {
			return raw, nil
		}
	}
	return 0, fmt.Errorf("reading channel %d: %w", channel, err)
}

var (
	// errNoNullBit is what a chip that answers never causes.
	errNoNullBit = errors.New("no chip answers: check its power, its wiring and which chip select it is on")
	errDisturbed = errors.New("the value comes different each of two times: the bus is disturbed, check the length of its wires")
)

// A frame is what goes over the wire for one conversion. Seen as a number of 32
// bits it ends, for a chip of n bits, with n-1 bits of the value from the second
// lowest up. Ahead of them come its n bits from the highest down, the null bit,
// the time to sample, 3 bits of channel, a 1 for single-ended, and the start bit
// (DS21295 and DS21298, figures 5-1 and 5-2).
type frame [4]byte

// request returns the frame that converts a channel.
func request(n, channel int) (tx frame) {
	binary.BigEndian.PutUint32(tx[:], uint32(0b11_000|channel)<<(n+2+n-1))
	return tx
}

// result returns the value in the frame received, 0 to 1<<n - 1. The bits ahead
// of the null bit are undefined: nobody drives the line yet.
func result(n int, rx frame) (int, error) {
	received := binary.BigEndian.Uint32(rx[:])
	value := received >> (n - 1) & (1<<n - 1)
	upwards := bits.Reverse32(received) >> (32 - (n - 1))
	switch {
	case received>>(n+n-1)&1 != 0:
		return 0, fmt.Errorf("the null bit is missing in %08x: %w", received, errNoNullBit)
	case upwards != value>>1:
		return 0, fmt.Errorf("%08x received: %w", received, errDisturbed)
	}
	return int(value), nil
}

// Package bh1750 drives the BH1750FVI, an ambient light sensor on I2C that
// measures in lux.
//
// Each reading is a measurement of its own, after which the chip sleeps. The
// chip has no identity and no settings to read back: whatever acknowledges at
// its address is taken for one, and an opcode that was altered on the wire is
// noticed by what comes of it. A measurement that never began leaves 0 lx, so
// that darkness is believed only when it was measured twice. One at another
// sensitivity or mode is wrong by a factor, so that what differs by more than a
// fifth from the reading before is measured again, and there is no value unless
// two of the three agree. Less than a fifth is not noticed; the chip itself is
// no more exact than that.
//
// Data sheet: Rohm BH1750FVI, 2011.11 - Rev. D.
package bh1750

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"sensor-agent/sensors"
)

// The opcodes (data sheet page 5, instruction set architecture).
const (
	powerDown = 0x00
	powerOn   = 0x01
	reset     = 0x07 // of the result, to 0; obeyed only when switched on
	oneTimeH  = 0x20
	oneTimeH2 = 0x21
	mtregHigh = 0x40 // with bits 7:5 of the measurement time
	mtregLow  = 0x60 // with bits 4:0
)

// usualSensitivity is the measurement time register's value by default, for
// which the data sheet's figures hold.
const usualSensitivity = 69

// overrange is a measurement that was cut off.
const overrange = 0xFFFF

// spare is waited beyond the longest measurement: read too early, the chip
// gives 0.
const spare = time.Millisecond

// few counts are no difference between two measurements that matters.
const few = 4

// unknown is in place of a measurement, and agrees with none.
const unknown = -1000

type options struct {
	Sensitivity int    `yaml:"sensitivity" help:"31 to 254: measurement time register; a higher one measures longer and finer, a lower one reaches brighter light, as behind a window"`
	Mode        string `yaml:"mode" help:"high: up to 54612 lx; high2: twice as fine, up to 27306 lx (at sensitivity 69)"`
}

// The modes of measuring: H-resolution mode and H-resolution mode 2.
const (
	modeHigh  = "high"
	modeHigh2 = "high2"
)

// Driver returns the driver.
func Driver() sensors.Driver {
	return sensors.NewDriver(sensors.Driver{
		Name:      "bh1750",
		Summary:   "ambient light sensor, lux",
		Bus:       sensors.I2C,
		Addresses: []uint16{0x23, 0x5C},
		Identify:  recognise,
	}, options{Sensitivity: usualSensitivity, Mode: modeHigh}, plan)
}

func plan(o options) (sensors.Plan, error) {
	var errs []error
	if o.Sensitivity < 31 || o.Sensitivity > 254 {
		errs = append(errs, sensors.BadOption("sensitivity", "%d is outside 31 to 254 (usual: %d)", o.Sensitivity, usualSensitivity))
	}
	if o.Mode != modeHigh && o.Mode != modeHigh2 {
		errs = append(errs, sensors.BadOption("mode", "there is no mode %q: choose %s or %s", o.Mode, modeHigh, modeHigh2))
	}
	if err := errors.Join(errs...); err != nil {
		return sensors.Plan{}, err
	}
	return sensors.Plan{
		// What is beyond the range has no value, and light has no noise in the
		// dark and no pace in daylight.
		Outputs: sensors.OutputsOf(sensors.Illuminance),
		// Twice where the light has changed. Around each measurement, nine
		// transactions of at most half a millisecond.
		Takes: 2 * (measuringTime(o.Sensitivity) + spare + 5*time.Millisecond),
		Open: func(_ context.Context, wire sensors.Wire) (sensors.Sensor, error) {
			return open(wire, o)
		},
	}, nil
}

type sensor struct {
	bus         i2c.Bus
	address     uint16
	commands    [7]byte // of one measurement
	sensitivity int
	fine        bool
	believed    int    // the counts of the reading before, or unknown
	beyond      string // why an overrange value is none
	reading     sensors.Reading
	out         [1]byte // kept, so that a transaction allocates nothing
	in          [2]byte
}

func open(wire sensors.Wire, o options) (sensors.Sensor, error) {
	s := &sensor{
		bus:         wire.I2C,
		address:     wire.Address,
		sensitivity: o.Sensitivity,
		fine:        o.Mode == modeHigh2,
		believed:    unknown,
		reading:     make(sensors.Reading, 1),
	}
	// A chip that lost its supply for a moment has forgotten its sensitivity,
	// which cannot be read back, so that it is set each time. One that stays off
	// keeps the last result and makes no other: all that is against it is sent
	// twice.
	s.commands = [...]byte{
		powerOn, reset, powerOn, reset,
		mtregHigh | byte(o.Sensitivity>>5), mtregLow | byte(o.Sensitivity&0x1F), oneTimeH,
	}
	if s.fine {
		s.commands[6] = oneTimeH2
	}
	s.beyond = fmt.Sprintf("brighter than the %.0f lx that `sensitivity` %d and `mode` %s can measure", s.lux(overrange), o.Sensitivity, o.Mode)
	if err := s.command(powerOn); err != nil {
		return nil, fmt.Errorf("%w: switching it on: %w", sensors.ErrNotFound, err)
	}
	return s, nil
}

// Read measures once in steady light, else twice.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	first, err := s.measure(ctx)
	if err != nil {
		return nil, err
	}
	if s.expects(first) {
		return s.believe(first), nil
	}
	second, err := s.measure(ctx)
	if err != nil {
		return nil, err
	}
	if agree(second, first) || s.expects(second) {
		return s.believe(second), nil
	}
	s.reading[0] = sensors.NoValue("two measurements differ by more than a fifth: the light flickers, or the bus is disturbed")
	return s.reading, nil
}

// agree reports whether two measurements can both be right: they differ by a
// fifth at most. 0, which is also what is left by a measurement that never
// began, agrees with 0 only.
func agree(now, before int) bool {
	if now == 0 {
		return before == 0
	}
	return max(now, before)-min(now, before) <= max(few, max(now, before)/5)
}

// expects reports whether a measurement agrees with the reading before.
// Darkness does not, even after darkness: it is measured twice each time.
func (s *sensor) expects(now int) bool { return now > 0 && agree(now, s.believed) }

// believe makes a measurement the reading.
func (s *sensor) believe(now int) sensors.Reading {
	s.believed = now
	s.reading[0] = sensors.Value(s.lux(now))
	if now == overrange {
		s.reading[0] = sensors.NoValue(s.beyond)
	}
	return s.reading
}

// measure has the chip measure and returns what it counted.
func (s *sensor) measure(ctx context.Context) (int, error) {
	for _, command := range s.commands {
		if err := s.command(command); err != nil {
			return 0, fmt.Errorf("starting a measurement: %w", err)
		}
	}
	if err := sensors.Sleep(ctx, measuringTime(s.sensitivity)+spare); err != nil {
		return 0, err
	}
	raw, err := s.result()
	if err != nil {
		return 0, fmt.Errorf("reading the result: %w", err)
	}
	return int(raw), nil
}

// Close switches the chip off, in case a measurement is running.
func (s *sensor) Close() error {
	if err := s.command(powerDown); err != nil {
		return fmt.Errorf("switching it off: %w", err)
	}
	return nil
}

// result reads the measurement until two reads agree, as I2C has no checksum.
// The chip keeps it until the next one ends.
func (s *sensor) result() (uint16, error) {
	var before uint16
	for i := range 4 {
		now, err := s.read()
		if err != nil {
			return 0, err
		}
		if i > 0 && now == before {
			return now, nil
		}
		before = now
	}
	return 0, errors.New("no two reads agree: the bus is disturbed, check wires, pull-ups and speed")
}

func (s *sensor) read() (uint16, error) {
	err := s.bus.Tx(s.address, nil, s.in[:])
	return uint16(s.in[0])<<8 | uint16(s.in[1]), err
}

func (s *sensor) command(opcode byte) error {
	s.out[0] = opcode
	return s.bus.Tx(s.address, s.out[:], nil)
}

// lux converts a measurement: 1.2 counts for a lux at the usual sensitivity,
// twice as many in mode high2 (data sheet page 11).
func (s *sensor) lux(raw int) float64 {
	lx := float64(raw) / 1.2 * usualSensitivity / float64(s.sensitivity)
	if s.fine {
		lx /= 2
	}
	return lx
}

// measuringTime returns the longest time a measurement takes: 180 ms at the
// usual sensitivity (data sheet page 2), in proportion to it.
func measuringTime(sensitivity int) time.Duration {
	return 180 * time.Millisecond * time.Duration(sensitivity) / usualSensitivity
}

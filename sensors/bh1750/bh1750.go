// Package bh1750 drives the BH1750FVI, an ambient light sensor on I2C that
// measures in lux.
//
// Each reading is a measurement of its own, after which the chip sleeps. The
// chip has no identity and no settings to read back: whatever acknowledges at
// its address is taken for one, and an opcode that was altered on the wire is
// noticed by what comes of it. A measurement that never began leaves 0 lx, so
// that darkness is believed only when it was measured twice. One at another
// sensitivity or mode is wrong by a factor, so that what is far from the value
// before is believed only when the next measurement agrees; nearer than a fifth
// is what the chip's own accuracy is, too.
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

// A reading is of at most so many measurements. Two agree that differ by a few
// counts, or by a fifth.
const (
	most = 3
	few  = 4
)

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
		// Around each measurement, eight transactions of at most half a
		// millisecond.
		Takes: most * (measuringTime(o.Sensitivity) + spare + 4*time.Millisecond),
		Open: func(_ context.Context, wire sensors.Wire) (sensors.Sensor, error) {
			return open(wire, o)
		},
	}, nil
}

type sensor struct {
	bus         i2c.Bus
	address     uint16
	commands    [6]byte // of one measurement
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
	// which cannot be read back, so that it is set each time. It is switched on
	// twice, as one that stays off keeps the last result and makes no other.
	s.commands = [...]byte{
		powerOn, reset, powerOn,
		mtregHigh | byte(o.Sensitivity>>5), mtregLow | byte(o.Sensitivity&0x1F), oneTimeH,
	}
	if s.fine {
		s.commands[5] = oneTimeH2
	}
	s.beyond = fmt.Sprintf("brighter than the %.0f lx that `sensitivity` %d and `mode` %s can measure", s.lux(overrange), o.Sensitivity, o.Mode)
	if err := s.command(powerOn); err != nil {
		return nil, fmt.Errorf("%w: switching it on: %w", sensors.ErrNotFound, err)
	}
	return s, nil
}

// Read measures until a measurement agrees with the one before, which is at
// first the last that was believed: once in steady light.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	before := s.believed
	for range most {
		raw, err := s.measure(ctx)
		if err != nil {
			return nil, err
		}
		now := int(raw)
		if agree(now, before) {
			s.believe(now)
			return s.reading, nil
		}
		before = now
	}
	s.reading[0] = sensors.NoValue("no two measurements in a row agree within a fifth: the light flickers, or the bus is disturbed")
	return s.reading, nil
}

// agree reports whether two measurements in a row can both be right. 0, which
// is also what is left by a measurement that never began, agrees with 0 only.
func agree(now, before int) bool {
	if now == 0 {
		return before == 0
	}
	return max(now, before)-min(now, before) <= max(few, max(now, before)/5)
}

// believe makes the reading of a measurement, which the next is held against,
// but for darkness: that is measured twice each time.
func (s *sensor) believe(now int) {
	s.believed = now
	if now == 0 {
		s.believed = unknown
	}
	s.reading[0] = sensors.Value(s.lux(now))
	if now == overrange {
		s.reading[0] = sensors.NoValue(s.beyond)
	}
}

// measure has the chip measure and returns what it counted.
func (s *sensor) measure(ctx context.Context) (uint16, error) {
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
	return raw, nil
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

package ads1115

import (
	"context"
	"fmt"
	"time"

	"sensor-agent/sensors"
	"sensor-agent/sensors/adc"
	"sensor-agent/sensors/registers"
)

// The registers (SBAS444, address pointer register).
const (
	conversionRegister byte = 0
	configRegister     byte = 1
)

// The configuration register (SBAS444, config register field descriptions).
const (
	start        uint16 = 1 << 15 // written: start a conversion
	ready        uint16 = 1 << 15 // read: none is running
	single       uint16 = 1 << 8  // convert once, then sleep
	noComparator uint16 = 3
)

// settings returns the configuration for a range and a speed, by their codes.
func settings(pga, dr int) uint16 {
	return uint16(pga)<<9 | single | uint16(dr)<<5 | noComparator
}

// mux returns the configuration's part that connects an input: 4 to 7 are AIN0
// to AIN3 against ground.
func mux(channel int) uint16 { return uint16(4+channel) << 12 }

type sensor struct {
	chip     registers.Chip
	settings uint16 // without start and mux
	timing   timing
	volts    float64 // of bit 0 of a conversion
	vref     float64
	top      int    // the highest value, which means saturation
	beyond   string // why a saturated value is none
	inputs   []adc.Input
	reading  sensors.Reading
}

// open finds out whether a chip of the family answers, by a configuration it
// must give back as written, and lets a conversion end that others started.
func (s *sensor) open(ctx context.Context) error {
	want := mux(s.inputs[0].Channel) | s.settings
	if err := s.chip.Write(configRegister, want); err != nil {
		return fmt.Errorf("%w: %w", sensors.ErrNotFound, err)
	}
	got, err := s.chip.Read(configRegister)
	if err != nil {
		return err
	}
	if err := differs(got, want); err != nil {
		return fmt.Errorf("%w: another chip is at this address: %w", sensors.ErrNotFound, err)
	}
	const slowest = 8 // conversions per second, of either chip
	return s.idle(ctx, timingOf(slowest).limit)
}

// Read converts the configured channels one after the other.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	// A conversion left over from a Read cut short would ignore the next
	// start and be taken for its result.
	if err := s.idle(ctx, s.timing.limit); err != nil {
		return nil, err
	}
	for i, in := range s.inputs {
		raw, err := s.convert(ctx, in.Channel)
		if err != nil {
			return nil, fmt.Errorf("reading channel %d: %w", in.Channel, err)
		}
		if raw >= s.top || raw == -0x8000 {
			s.reading[i] = sensors.NoValue(s.beyond)
			continue
		}
		volts := float64(raw) * s.volts
		s.reading[i] = in.Measure(adc.Level{Volts: volts, Fraction: volts / s.vref})
	}
	return s.reading, nil
}

// Close does nothing: the chip sleeps between conversions.
func (s *sensor) Close() error { return nil }

// convert returns one conversion, -0x8000 to 0x7fff for the range.
func (s *sensor) convert(ctx context.Context, channel int) (int, error) {
	want := mux(channel) | s.settings
	if err := s.start(want); err != nil {
		return 0, err
	}
	if err := sensors.Sleep(ctx, s.timing.typical); err != nil {
		return 0, err
	}
	if err := s.idle(ctx, s.timing.limit-s.timing.typical); err != nil {
		return 0, err
	}
	raw, err := s.chip.Read(conversionRegister)
	if err != nil {
		return 0, err
	}
	// A chip that lost its supply is idle too, with 0 V as its result: the
	// configuration vouches for what was read before it.
	if _, err := s.verify(want); err != nil {
		return 0, err
	}
	return int(int16(raw)), nil
}

// start starts a conversion. One of another input, for a bit that was flipped on
// the wire, would leave nothing to tell it by in the end, so that it has to be
// seen with its configuration.
func (s *sensor) start(config uint16) error {
	write := func() error { return s.chip.Write(configRegister, start|config) }
	return sensors.Start(s.timing.shortest, write, func() (bool, error) {
		got, err := s.verify(config)
		return got&ready == 0, err
	})
}

// verify returns the configuration, and demands that it is as written.
func (s *sensor) verify(config uint16) (uint16, error) {
	got, err := s.chip.Read(configRegister)
	if err != nil {
		return 0, err
	}
	if err := differs(got, config); err != nil {
		return 0, fmt.Errorf("the chip lost its supply for a moment, or another program uses it: %w", err)
	}
	return got, nil
}

// idle waits until the chip says that no conversion is running. The last look
// is after the limit, so that a program that was kept waiting itself does not
// blame the chip.
func (s *sensor) idle(ctx context.Context, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		last := !time.Now().Before(deadline)
		config, err := s.chip.Read(configRegister)
		if err != nil {
			return err
		}
		if config&ready != 0 {
			return nil
		}
		if last {
			return fmt.Errorf("no end of the conversion (configuration register %#04x): switch the chip off and on, and check that it is the kind configured", config)
		}
		if err := sensors.Sleep(ctx, s.timing.again); err != nil {
			return err
		}
	}
}

// differs describes a configuration register that does not hold what was
// written; nil if it does. The ready bit is not compared.
func differs(got, want uint16) error {
	if got&^ready == want {
		return nil
	}
	return fmt.Errorf("the configuration register reads %#04x after %#04x was written", got&^ready, want)
}

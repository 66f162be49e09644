package ina219

import (
	"context"
	"fmt"

	"sensor-agent/sensors"
)

const (
	regCurrent = 0x04   // computed by the chip from regCalibration
	reset      = 0x399F // configuration after power-up
)

// recognise goes by the configuration: that after power-up, which most programs
// leave, or one that this driver writes. Current is what the chip computes with
// the calibration: without that, 0. The power is left alone: reading it clears
// the bit that others wait for.
func recognise(_ context.Context, wire sensors.Wire) (sensors.Identity, error) {
	config, err := wire.Register(regConfig)
	if err != nil {
		return sensors.Identity{}, err
	}
	const varied = 3<<gainShift | trigger // what this driver varies
	if config != reset && config|varied != range32V|average32|varied {
		return sensors.Identity{}, fmt.Errorf("%w: expected an INA219, configuration %#04x after power-up; found %#04x", sensors.ErrNotFound, reset, config)
	}
	calibration, err := wire.Register(regCalibration)
	if err != nil {
		return sensors.Identity{}, err
	}
	current, err := wire.Register(regCurrent)
	if err != nil {
		return sensors.Identity{}, err
	}
	if calibration&unusedCalibration != 0 || calibration == 0 && current != 0 {
		return sensors.Identity{}, fmt.Errorf("%w: expected an INA219; found its configuration, but calibration %#04x with current %#04x, which cannot be", sensors.ErrNotFound, calibration, current)
	}
	return sensors.Identity{Chip: "INA219", Certainty: sensors.Probably}, nil
}

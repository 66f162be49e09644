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
// leave, or one that this driver writes. Registers of the chip that are read by
// others while they wait for a conversion are left alone, as reading some ends
// the wait.
func recognise(_ context.Context, wire sensors.Wire) (sensors.Identity, error) {
	values, err := wire.Registers(regConfig, regCurrent, regCalibration)
	if err != nil {
		return sensors.Identity{}, err
	}
	config, current, calibration := values[0], values[1], values[2]
	const varied = 3<<gainShift | trigger // what this driver varies
	switch {
	case config != reset && config|varied != range32V|average32|varied:
		return sensors.Identity{}, fmt.Errorf("%w: expected an INA219, configuration %#04x after power-up; found %#04x", sensors.ErrNotFound, reset, config)
	case calibration&unusedCalibration != 0, calibration == 0 && current != 0:
		return sensors.Identity{}, fmt.Errorf("%w: expected an INA219; found its configuration, but calibration %#04x with current %#04x, which cannot be", sensors.ErrNotFound, calibration, current)
	}
	return sensors.Identity{Chip: "INA219", Certainty: sensors.Probably}, nil
}

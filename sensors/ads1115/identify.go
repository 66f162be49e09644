package ads1115

import (
	"context"
	"fmt"

	"sensor-agent/sensors"
)

// The thresholds of the comparator after power-up: the ends of the range
// (SBAS444, Lo_thresh and Hi_thresh registers). This driver does not use it and
// neither do most, so they are what the chip is known by.
const (
	lowRegister  = 2
	highRegister = 3
	lowThen      = 0x8000
	highThen     = 0x7FFF
)

// recognise goes by the thresholds. An ADS1015 has the same ones; it is told
// apart only from a chip whose last conversion has one of the four bits that an
// ADS1015 does not convert, and works as an ADS1115.
func recognise(_ context.Context, wire sensors.Wire) (sensors.Identity, error) {
	values, err := wire.Registers(lowRegister, highRegister, conversionRegister)
	if err != nil {
		return sensors.Identity{}, err
	}
	low, high, conversion := values[0], values[1], values[2]
	if low != lowThen || high != highThen {
		return sensors.Identity{}, fmt.Errorf("%w: expected an ADS1115, thresholds %#04x and %#04x; found %#04x and %#04x", sensors.ErrNotFound, lowThen, highThen, low, high)
	}
	chip := "ADS1115 or ADS1015"
	if conversion&0x000F != 0 {
		chip = "ADS1115"
	}
	return sensors.Identity{Chip: chip, Certainty: sensors.Probably}, nil
}

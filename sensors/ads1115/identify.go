package ads1115

import (
	"context"
	"fmt"

	"sensor-agent/sensors"
)

// thresholds are those of the comparator after power-up: the ends of the range
// (SBAS444, Lo_thresh and Hi_thresh registers). This driver does not use it and
// neither do most, so they are what the chip is known by.
var thresholds = []struct {
	register byte
	value    uint16
}{{2, 0x8000}, {3, 0x7FFF}}

// recognise goes by the thresholds. An ADS1015 has the same ones; it is told
// apart only from a chip whose last conversion has one of the four bits that an
// ADS1015 does not convert, and works as an ADS1115.
func recognise(_ context.Context, wire sensors.Wire) (sensors.Identity, error) {
	for _, threshold := range thresholds {
		value, err := wire.Register(threshold.register)
		if err != nil {
			return sensors.Identity{}, err
		}
		if value != threshold.value {
			return sensors.Identity{}, fmt.Errorf("%w: expected an ADS1115, which has the threshold %#04x in register %d after power-up; found %#04x",
				sensors.ErrNotFound, threshold.value, threshold.register, value)
		}
	}
	conversion, err := wire.Register(conversionRegister)
	if err != nil {
		return sensors.Identity{}, err
	}
	chip := "ADS1115 or ADS1015"
	if conversion&0x000F != 0 {
		chip = "ADS1115"
	}
	return sensors.Identity{Chip: chip, Certainty: sensors.Probably}, nil
}

package tmp102

import (
	"context"
	"fmt"

	"sensor-agent/sensors"
)

// thresholds are those of the alert pin after power-up, 75 and 80 °C. Hardly
// anybody uses the pin, so they are what the chip is known by.
var thresholds = []struct {
	register byte
	value    uint16
}{{0x02, 0x4B00}, {0x03, 0x5000}}

// recognise goes by the thresholds, and by the bits of the configuration that
// cannot change: an LM75 has the same thresholds.
func recognise(_ context.Context, wire sensors.Wire) (sensors.Identity, error) {
	for _, threshold := range thresholds {
		value, err := wire.Register(threshold.register)
		if err != nil {
			return sensors.Identity{}, err
		}
		if value != threshold.value {
			return sensors.Identity{}, fmt.Errorf("%w: expected a TMP102, which has the threshold %#04x in register %d after power-up; found %#04x",
				sensors.ErrNotFound, threshold.value, threshold.register, value)
		}
	}
	config, err := wire.Register(regConfig)
	if err != nil {
		return sensors.Identity{}, err
	}
	if config&(resolution|unused) != resolution {
		return sensors.Identity{}, fmt.Errorf("%w: expected a TMP102; found its thresholds, but configuration %#04x, which none can have: it may be an LM75 or TMP75, which the kernel reads with dtoverlay=i2c-sensor,lm75", sensors.ErrNotFound, config)
	}
	return sensors.Identity{Chip: "TMP102", Certainty: sensors.Probably}, nil
}

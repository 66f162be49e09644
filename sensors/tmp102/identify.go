package tmp102

import (
	"context"
	"fmt"

	"sensor-agent/sensors"
)

// The thresholds of the alert pin after power-up, 75 and 80 °C. Hardly anybody
// uses the pin, so they are what the chip is known by.
const (
	regLow   = 0x02
	regHigh  = 0x03
	lowThen  = 0x4B00
	highThen = 0x5000
)

// recognise goes by the thresholds, and by the bits of the configuration that
// cannot change: an LM75 has the same thresholds.
func recognise(_ context.Context, wire sensors.Wire) (sensors.Identity, error) {
	values, err := wire.Registers(regConfig, regLow, regHigh)
	if err != nil {
		return sensors.Identity{}, err
	}
	config, low, high := values[0], values[1], values[2]
	switch {
	case low != lowThen || high != highThen:
		return sensors.Identity{}, fmt.Errorf("%w: expected a TMP102, thresholds %#04x and %#04x; found %#04x and %#04x", sensors.ErrNotFound, lowThen, highThen, low, high)
	case config&(resolution|unused) != resolution:
		return sensors.Identity{}, fmt.Errorf("%w: expected a TMP102; found its thresholds, but configuration %#04x, which none can have: it may be an LM75 or TMP75, which the kernel reads with dtoverlay=i2c-sensor,lm75", sensors.ErrNotFound, config)
	}
	return sensors.Identity{Chip: "TMP102", Certainty: sensors.Probably}, nil
}

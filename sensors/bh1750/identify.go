package bh1750

import (
	"context"
	"fmt"

	"sensor-agent/sensors"
)

// recognise finds out no more than that something can be read. The chip has
// nothing to tell it by, and every byte written to it is a command; to a
// PCF8574, which can be at the same address, it is the state of eight outputs.
func recognise(_ context.Context, wire sensors.Wire) (sensors.Identity, error) {
	var light [2]byte
	if err := wire.I2C.Tx(wire.Address, nil, light[:]); err != nil {
		return sensors.Identity{}, fmt.Errorf("%w: reading a measurement of a BH1750: %w", sensors.ErrNotFound, err)
	}
	return sensors.Identity{Chip: "BH1750", Certainty: sensors.Perhaps}, nil
}

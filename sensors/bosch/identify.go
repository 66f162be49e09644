package bosch

import (
	"fmt"

	"sensor-agent/sensors"
)

// recognise goes by the chip id, and the variant where there is one. Chips of
// the family that are another driver's it refuses.
func recognise(wire sensors.Wire, k kind) (sensors.Identity, error) {
	found, err := identify(&registers{bus: wire.I2C, address: wire.Address})
	if err != nil {
		return sensors.Identity{}, err
	}
	if found.name != k.name {
		return sensors.Identity{}, fmt.Errorf("%w: the chip is a %s, not a %s", sensors.ErrNotFound, found.name, k.name)
	}
	return sensors.Identity{Chip: found.name, Certainty: sensors.Surely}, nil
}

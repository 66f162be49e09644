package scd4x

import (
	"context"
	"fmt"

	"periph.io/x/conn/v3/i2c"

	"sensor-agent/sensors"
)

// recognise asks for the serial number. A chip that measures refuses that, but
// says whether it has a measurement, which it then keeps.
func recognise(ctx context.Context, wire sensors.Wire) (sensors.Identity, error) {
	s := &sensor{chip: i2c.Dev{Bus: wire.I2C, Addr: wire.Address}}
	err := s.ask(ctx, cmdSerial, s.words[:])
	if err != nil && s.ask(ctx, cmdReady, s.words[:1]) != nil {
		return sensors.Identity{}, fmt.Errorf("%w: reading the serial number of an SCD4x: %w", sensors.ErrNotFound, err)
	}
	return sensors.Identity{Chip: "SCD4x", Certainty: sensors.Surely}, nil
}

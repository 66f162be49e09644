package sht4x

import (
	"context"
	"fmt"

	"periph.io/x/conn/v3/i2c"

	"sensor-agent/sensors"
)

// recognise asks for the serial number. That is a command, but one that changes
// nothing. An STS4x, which measures temperature only, answers it as well.
func recognise(ctx context.Context, wire sensors.Wire) (sensors.Identity, error) {
	s := &sensor{chip: i2c.Dev{Bus: wire.I2C, Addr: wire.Address}}
	if err := s.ask(ctx, cmdSerial, commandTakes); err != nil {
		return sensors.Identity{}, fmt.Errorf("%w: reading the serial number of an SHT4x: %w", sensors.ErrNotFound, err)
	}
	return sensors.Identity{Chip: "SHT4x", Certainty: sensors.Surely}, nil
}

package sht4x

import (
	"context"
	"fmt"

	"periph.io/x/conn/v3/i2c"

	"sensor-agent/sensors"
)

// recognise asks for the serial number. That is a command, but one that changes
// nothing. The answer can be read once; an HDC302x, which can be at the same
// address and does not know the command, may give an old measurement with right
// checksums time and again. An STS4x, which measures temperature only, has a
// serial number, too.
func recognise(ctx context.Context, wire sensors.Wire) (sensors.Identity, error) {
	s := &sensor{chip: i2c.Dev{Bus: wire.I2C, Addr: wire.Address}}
	if err := s.ask(ctx, cmdSerial, commandTakes); err != nil {
		return sensors.Identity{}, fmt.Errorf("%w: reading the serial number of an SHT4x: %w", sensors.ErrNotFound, err)
	}
	if s.chip.Tx(nil, s.frame[:]) == nil {
		return sensors.Identity{}, fmt.Errorf("%w: expected an SHT4x; what answers can be read without a command", sensors.ErrNotFound)
	}
	return sensors.Identity{Chip: "SHT4x", Certainty: sensors.Surely}, nil
}

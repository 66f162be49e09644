package hdc302x

import (
	"context"
	"fmt"

	"periph.io/x/conn/v3/i2c"

	"sensor-agent/sensors"
)

// recognise asks for the number of the manufacturer, which changes nothing and
// is answered in the automatic mode, too.
func recognise(ctx context.Context, wire sensors.Wire) (sensors.Identity, error) {
	s := &sensor{chip: i2c.Dev{Bus: wire.I2C, Addr: wire.Address}}
	if err := s.ask(ctx, cmdManufacturer, commandTakes, s.words[:1]); err != nil {
		return sensors.Identity{}, fmt.Errorf("%w: reading the manufacturer of an HDC302x: %w", sensors.ErrNotFound, err)
	}
	if got := s.words[0]; got != manufacturer {
		return sensors.Identity{}, fmt.Errorf("%w: expected an HDC302x, manufacturer %#04x; found manufacturer %#04x", sensors.ErrNotFound, manufacturer, got)
	}
	return sensors.Identity{Chip: "HDC302x", Certainty: sensors.Surely}, nil
}

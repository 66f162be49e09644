package mcp9808

import (
	"context"
	"fmt"

	"sensor-agent/sensors"
)

// recognise goes by the numbers of maker and device.
func recognise(_ context.Context, wire sensors.Wire) (sensors.Identity, error) {
	if err := identify(wire); err != nil {
		return sensors.Identity{}, fmt.Errorf("%w: %w", sensors.ErrNotFound, err)
	}
	return sensors.Identity{Chip: "MCP9808", Certainty: sensors.Surely}, nil
}

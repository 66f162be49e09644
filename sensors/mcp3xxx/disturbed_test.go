package mcp3xxx

import (
	"errors"
	"math"
	"testing"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors/adc"
)

// Any bit flipped once costs a transfer and no value; the lowest, which is sent
// once, is one step.
func TestBitFlipped(t *testing.T) {
	for name, bits := range map[string]int{"mcp3008": 10, "mcp3208": 12} {
		for flipped := range 32 {
			chip := chips.NewMCP3xxx(bits, 8)
			chip.Set(0, 300)
			var port chips.Port
			port.Plug(chip)
			disturb := true
			port.Fault(func(_, r []byte) error {
				if disturb {
					r[flipped/8] ^= 1 << (flipped % 8)
					disturb = false
				}
				return nil
			})
			s := opened(t, &port, name, 3.3, adc.Channel{Quantity: "fraction"})
			disturb = true
			r, err := s.Read(t.Context())
			if steps := r[0].Value*float64(int(1)<<bits) - 300; err != nil || math.Abs(steps) > 1 {
				t.Errorf("%s, bit %d: %v, %v: %v steps off", name, flipped, r, err, steps)
			}
		}
	}
}

// A bus that is never undisturbed.
func TestDisturbed(t *testing.T) {
	var port chips.Port
	port.Plug(chips.NewMCP3xxx(10, 8))
	s := opened(t, &port, "mcp3008", 3.3, adc.Channel{})
	port.Fault(func(_, r []byte) error { r[3] ^= 1; return nil })
	before := port.Transfers()
	if r, err := s.Read(t.Context()); !errors.Is(err, errDisturbed) || port.Transfers()-before != attempts {
		t.Errorf("%v, %v after %d transfers", r, err, port.Transfers()-before)
	}
}

package chips

import (
	"errors"
	"fmt"
	"sync"
)

// MCP3xxx simulates a MCP3004, MCP3008, MCP3204 or MCP3208 bit by bit: it waits
// for the start bit wherever in the transfer it comes, as the chip does, and
// leaves the line high while it does not drive it. Make one with [NewMCP3xxx].
type MCP3xxx struct {
	mu   sync.Mutex
	bits int
	raw  []uint16
}

var _ SPIChip = (*MCP3xxx)(nil)

// NewMCP3xxx makes a chip of a resolution, 10 or 12 bits, and a number of
// channels, 4 or 8, all at 0 V.
func NewMCP3xxx(bits, channels int) *MCP3xxx {
	return &MCP3xxx{bits: bits, raw: make([]uint16, channels)}
}

// Set gives a channel the value it converts to.
func (c *MCP3xxx) Set(channel int, raw uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw[channel] = raw
}

// Transfer implements [SPIChip] (DS21295 and DS21298, figures 5-1 and 5-2).
func (c *MCP3xxx) Transfer(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range r {
		r[i] = 0xFF
	}
	total := 8 * len(w)
	sent := func(clock int) int {
		if clock >= total {
			return 0
		}
		return int(w[clock/8]) >> (7 - clock%8) & 1
	}
	start := 0
	for sent(start) == 0 {
		if start++; start >= total {
			return nil // never started
		}
	}
	if sent(start+1) == 0 {
		return errors.New("a differential input is not simulated")
	}
	// A chip of 4 channels ignores the highest of the three bits.
	channel := sent(start+2)<<2 | sent(start+3)<<1 | sent(start+4)
	value := c.raw[channel%len(c.raw)]
	if value>>c.bits != 0 {
		return fmt.Errorf("channel %d is set to %d, more than %d bits can hold", channel, value, c.bits)
	}
	// One clock to sample, then the null bit, the value from its highest bit
	// down, the same again upwards, and zeros.
	for clock := start + 6; clock < total; clock++ {
		if c.output(value, clock-start-7) == 0 {
			r[clock/8] &^= 0x80 >> (clock % 8)
		}
	}
	return nil
}

// output returns the n-th bit after the null bit, which is number -1.
func (c *MCP3xxx) output(value uint16, n int) uint16 {
	switch last := c.bits - 1; {
	case n < 0 || n > 2*last:
		return 0
	case n <= last:
		return value >> (last - n) & 1
	default:
		return value >> (n - last) & 1
	}
}

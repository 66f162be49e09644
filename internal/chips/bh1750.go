package chips

import (
	"fmt"
	"math"
	"sync"
	"time"
)

// BH1750 simulates a BH1750FVI: its opcodes, its two power states, and that
// until a measurement ends the one before is read. Make one with [NewBH1750].
type BH1750 struct {
	mu     sync.Mutex
	counts func(mode, mtreg byte) float64 // what is measured
	speed  float64

	on    bool
	mtreg byte
	data  uint16 // what is read

	mode byte // being measured, 0: none
	end  time.Time
}

var _ Chip = (*BH1750)(nil)

// NewBH1750 makes a chip just switched on, in the dark.
func NewBH1750() *BH1750 {
	c := &BH1750{speed: 1}
	c.Set(0)
	c.PowerCycle()
	return c
}

// Set gives the chip the value it measures, whatever its sensitivity.
func (c *BH1750) Set(raw uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts = func(byte, byte) float64 { return float64(raw) }
}

// Shine has light of so many lux fall on the chip: what it measures goes by its
// mode and sensitivity.
func (c *BH1750) Shine(lux float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts = func(mode, mtreg byte) float64 {
		counts := math.Round(lux * 1.2 * float64(mtreg) / 69)
		if mode&3 == 1 { // H-resolution mode 2
			counts *= 2
		}
		return min(counts, 0xFFFF)
	}
}

// Speed sets how long measurements take: 1, as at first, is the longest the
// data sheet allows, 180 ms; 1.5 is typical.
func (c *BH1750) Speed(ratio float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.speed = ratio
}

// MTreg returns the measurement time register.
func (c *BH1750) MTreg() byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mtreg
}

// Powered reports whether the chip is awake.
func (c *BH1750) Powered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance()
	return c.on
}

// PowerCycle takes the supply away for a moment: the chip is then asleep and
// has forgotten its sensitivity and its last measurement.
func (c *BH1750) PowerCycle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on, c.mtreg, c.data, c.mode = false, 69, 0, 0
}

// Tx implements [Chip].
func (c *BH1750) Tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance()
	if len(w) > 1 {
		return fmt.Errorf("%d opcodes in one write, the chip takes one", len(w))
	}
	if len(w) == 1 {
		c.command(w[0])
	}
	readWord(r, c.data)
	return nil
}

func (c *BH1750) command(opcode byte) {
	switch {
	case opcode == 0x00:
		c.on, c.mode = false, 0
	case opcode == 0x01:
		c.on = true
	case opcode == 0x07 && c.on:
		c.data = 0
	case opcode>>3 == 0x40>>3:
		c.mtreg = c.mtreg&0x1F | opcode<<5
	case opcode>>5 == 0x60>>5:
		c.mtreg = c.mtreg&0xE0 | opcode&0x1F
	case opcode == 0x10, opcode == 0x11, opcode == 0x13, opcode == 0x20, opcode == 0x21, opcode == 0x23:
		if c.on {
			c.measure(opcode, time.Now())
		}
	}
}

func (c *BH1750) measure(mode byte, at time.Time) {
	longest := 180 * time.Millisecond
	if mode&3 == 3 { // L-resolution
		longest = 24 * time.Millisecond
	}
	c.mode = mode
	c.end = at.Add(time.Duration(float64(longest) * float64(c.mtreg) / 69 / c.speed))
}

// advance ends the measurement whose time has come: after a one-time
// measurement the chip sleeps, a continuous one begins again.
func (c *BH1750) advance() {
	now := time.Now()
	if c.mode == 0 || now.Before(c.end) {
		return
	}
	c.data = uint16(c.counts(c.mode, c.mtreg))
	if c.mode&0x20 != 0 {
		c.on, c.mode = false, 0
		return
	}
	c.measure(c.mode, now)
}

package chips

import (
	"errors"
	"sync"
	"time"
)

// ADS1115 simulates an ADS1115 or ADS1015: the four registers, the time a
// conversion takes, and that until it ends the conversion register holds the
// one before. The inputs are single-ended; a differential one converts to 0.
// The comparator is not simulated. Make one with [NewADS1115] or [NewADS1015].
type ADS1115 struct {
	mu         sync.Mutex
	speeds     [8]int // conversions per second by bits 7:5 of the configuration
	mask       uint16 // bits a conversion can have
	oscillator float64
	stuck      bool
	inputs     [4]uint16

	pointer   byte
	registers [4]uint16 // conversion, configuration, low and high threshold

	converting bool
	pending    uint16 // its result, at its end
	end        time.Time
}

var _ Chip = (*ADS1115)(nil)

// NewADS1115 makes an ADS1115 just switched on, with its inputs at 0 V.
func NewADS1115() *ADS1115 {
	c := &ADS1115{speeds: [8]int{8, 16, 32, 64, 128, 250, 475, 860}, mask: 0xFFFF, oscillator: 1}
	c.PowerCycle()
	return c
}

// NewADS1015 makes an ADS1015 just switched on, with its inputs at 0 V.
func NewADS1015() *ADS1115 {
	c := &ADS1115{speeds: [8]int{128, 250, 490, 920, 1600, 2400, 3300, 3300}, mask: 0xFFF0, oscillator: 1}
	c.PowerCycle()
	return c
}

// Set gives the input AIN0 to AIN3 the value it converts to, whatever the
// range, as the chip would hold it. A conversion under way is not changed.
func (c *ADS1115) Set(input int, raw int16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inputs[input] = uint16(raw) & c.mask
}

// Oscillator sets how fast the chip runs: 0.9 is as slow, 1.1 as fast as the
// data sheet allows.
func (c *ADS1115) Oscillator(ratio float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.oscillator = ratio
}

// Stick makes conversions never end, or lets them end again.
func (c *ADS1115) Stick(stuck bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stuck = stuck
}

// PowerCycle takes the supply away for a moment: the registers are as after
// power-up.
func (c *ADS1115) PowerCycle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pointer, c.converting = 0, false
	c.registers = [4]uint16{0x0000, 0x8583, 0x8000, 0x7FFF}
}

// Tx implements [Chip].
func (c *ADS1115) Tx(w, r []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance()
	if len(w) > 0 {
		c.pointer = w[0] & 3
	}
	switch {
	case len(w) == 2 || len(w) > 3:
		return errors.New("a register is written with two bytes")
	case len(w) == 3:
		c.write(uint16(w[1])<<8 | uint16(w[2]))
	}
	readWord(r, c.registers[c.pointer])
	return nil
}

const (
	adsReady      = 1 << 15 // in the configuration register, when read
	adsStart      = 1 << 15 // when written
	adsSingleShot = 1 << 8
)

func (c *ADS1115) write(value uint16) {
	switch c.pointer {
	case 0: // read-only
	case 1:
		start := value&adsStart != 0 || value&adsSingleShot == 0
		c.registers[1] = value&^adsReady | c.registers[1]&adsReady
		if start && !c.converting {
			c.convert(time.Now())
		}
	default:
		c.registers[c.pointer] = value
	}
}

// convert starts a conversion of the input the configuration connects.
func (c *ADS1115) convert(at time.Time) {
	config := c.registers[1]
	c.pending = 0
	if mux := config >> 12 & 7; mux >= 4 {
		c.pending = c.inputs[mux-4]
	}
	c.converting = true
	c.registers[1] &^= adsReady
	nominal := float64(time.Second) / float64(c.speeds[config>>5&7])
	c.end = at.Add(time.Duration(nominal / c.oscillator))
}

// advance ends the conversion whose time has come. A continuous one begins
// again; those that nobody saw are left out.
func (c *ADS1115) advance() {
	now := time.Now()
	if !c.converting || c.stuck || now.Before(c.end) {
		return
	}
	c.registers[0] = c.pending
	c.registers[1] |= adsReady
	c.converting = false
	if c.registers[1]&adsSingleShot == 0 {
		c.convert(now)
	}
}

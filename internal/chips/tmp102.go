package chips

import (
	"encoding/binary"
	"time"
)

// TMP102 is a Texas Instruments TMP102: shut down, it measures once when told
// to; otherwise it measures continuously. Until a conversion has ended its
// temperature register holds the last value, after power-up 0.
type TMP102 struct {
	Temperature uint16        // what it measures: 1/16 °C, two's complement in the top 12 bits
	Takes       time.Duration // of a conversion

	pointer    byte
	config     uint16
	converting bool
	done       time.Time
	held       uint16 // in the temperature register
}

// NewTMP102 returns a chip at 25 °C that has just been powered up.
func NewTMP102() *TMP102 {
	c := &TMP102{Temperature: 0x1900, Takes: 26 * time.Millisecond}
	c.PowerCycle()
	return c
}

// PowerCycle has the chip forget everything.
func (c *TMP102) PowerCycle() {
	c.pointer, c.held = 0, 0
	c.Configure(0x60A0)
}

// Configure has the chip as another program might have left it.
func (c *TMP102) Configure(config uint16) {
	const oneShot, resolution, shutdown, unused = 0x8000, 0x6000, 0x0100, 0x000F
	c.config = config&^(oneShot|unused) | resolution
	if config&shutdown == 0 || config&oneShot != 0 {
		c.converting = true
		c.done = time.Now().Add(c.Takes)
	}
}

// Tx implements [Chip].
func (c *TMP102) Tx(w, r []byte) error {
	if len(w) > 0 {
		c.pointer = w[0] & 3 // it has two bits only
	}
	if c.converting && !time.Now().Before(c.done) {
		c.converting = false
		c.held = c.Temperature &^ 0xF
		if c.config&0x0010 != 0 { // extended mode: 13 bits, and a mark
			c.held = uint16(int16(c.held)>>1)&^7 | 1
		}
	}
	if c.pointer == 0x01 && len(w) == 3 {
		c.Configure(binary.BigEndian.Uint16(w[1:]))
	}
	readWord(r, c.register(c.pointer))
	return nil
}

func (c *TMP102) register(address byte) uint16 {
	switch address {
	case 0x00:
		return c.held
	case 0x01:
		if c.config&0x0100 != 0 && !c.converting {
			return c.config | 0x8000
		}
		return c.config
	case 0x02: // 75 °C
		return 0x4B00
	default: // 80 °C
		return 0x5000
	}
}

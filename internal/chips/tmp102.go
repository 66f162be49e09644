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

	config     uint16
	converting bool
	done       time.Time
	held       uint16 // in the temperature register
}

// NewTMP102 returns a chip at 25 °C that has just been powered up.
func NewTMP102() *TMP102 {
	c := &TMP102{Temperature: 0x1900, Takes: 26 * time.Millisecond}
	c.Configure(0x60A0)
	return c
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
	if len(w) == 0 {
		return errNotAcknowledged
	}
	if c.converting && !time.Now().Before(c.done) {
		c.converting = false
		c.held = c.Temperature &^ 0xF
		if c.config&0x0010 != 0 { // extended mode: 13 bits, and a mark
			c.held = uint16(int16(c.held)>>1)&^7 | 1
		}
	}
	if w[0] == 0x01 && len(w) == 3 {
		c.Configure(binary.BigEndian.Uint16(w[1:]))
	}
	if len(r) == 2 {
		binary.BigEndian.PutUint16(r, c.register(w[0]))
	}
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
	default:
		return 0x5000
	}
}

package chips

import (
	"encoding/binary"
	"time"

	"sensor-agent/sensors/crc8"
)

// HDC302x is a Texas Instruments HDC3020, HDC3021 or HDC3022. Read before it
// has measured it does not acknowledge.
type HDC302x struct {
	Temperature, Humidity uint16 // what it measures
	Manufacturer          uint16
	Takes                 time.Duration // of a measurement
	// Auto is the automatic mode, in which it cannot be triggered. What it
	// measures then is not simulated.
	Auto bool

	words []uint16
	ready time.Time
	frame [2 * crc8.WordSize]byte
}

// NewHDC302x returns a chip at 25 °C and 50 %RH.
func NewHDC302x() *HDC302x {
	return &HDC302x{Temperature: 0x6666, Humidity: 0x8000, Manufacturer: 0x3000, Takes: 12500 * time.Microsecond}
}

// PowerCycle has the chip forget everything. Some then send zeros, with a right
// checksum, to who has not had them measure.
func (c *HDC302x) PowerCycle() {
	c.Auto, c.words, c.ready = false, []uint16{0, 0}, time.Time{}
}

// Tx implements [Chip].
func (c *HDC302x) Tx(w, r []byte) error {
	if len(w) == 2 {
		if err := c.command(binary.BigEndian.Uint16(w)); err != nil {
			return err
		}
	}
	if len(r) == 0 {
		return nil
	}
	if len(c.words) == 0 || time.Now().Before(c.ready) {
		return errNotAcknowledged
	}
	frame := c.frame[:0]
	for _, word := range c.words {
		frame = crc8.AppendWord(frame, word)
	}
	copy(r, frame)
	c.words = c.words[:0] // once only
	return nil
}

func (c *HDC302x) command(cmd uint16) error {
	switch {
	case cmd == 0x2400 && !c.Auto: // measure on demand
		c.words = append(c.words[:0], c.Temperature, c.Humidity)
		c.ready = time.Now().Add(c.Takes)
	case cmd == 0x3781: // manufacturer
		c.words = append(c.words[:0], c.Manufacturer)
		c.ready = time.Time{}
	case cmd == 0x3093: // exit the automatic mode
		c.Auto = false
	default:
		return errNotAcknowledged
	}
	return nil
}

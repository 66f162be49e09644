package chips

import (
	"time"

	"sensor-agent/sensors/crc8"
)

// SHT4x is a Sensirion SHT40, SHT41 or SHT45. Until a command is carried out
// it acknowledges nothing.
type SHT4x struct {
	Temperature, Humidity uint16 // what it measures
	Serial                [2]uint16
	Takes                 time.Duration // of a measurement

	words []uint16
	ready time.Time
	frame [2 * crc8.WordSize]byte
}

// NewSHT4x returns a chip at 25 °C and 50 %RH that measures in the longest time
// of the data sheet.
func NewSHT4x() *SHT4x {
	return &SHT4x{Temperature: 0x6666, Humidity: 0x72B0, Serial: [2]uint16{0x0F00, 0x1234}, Takes: 8300 * time.Microsecond}
}

// PowerCycle has the chip forget everything.
func (c *SHT4x) PowerCycle() { c.words, c.ready = nil, time.Time{} }

// Tx implements [Chip].
func (c *SHT4x) Tx(w, r []byte) error {
	if time.Now().Before(c.ready) {
		return errNotAcknowledged
	}
	if len(w) == 1 {
		if err := c.command(w[0]); err != nil {
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

func (c *SHT4x) command(cmd byte) error {
	switch cmd {
	case 0xFD: // measure, high precision
		c.words = append(c.words[:0], c.Temperature, c.Humidity)
		c.ready = time.Now().Add(c.Takes)
	case 0x89: // serial number
		c.words = append(c.words[:0], c.Serial[:]...)
	case 0x94: // soft reset
		c.words = c.words[:0]
		c.ready = time.Now().Add(time.Millisecond)
	default:
		return errNotAcknowledged
	}
	return nil
}

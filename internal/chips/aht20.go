package chips

import (
	"time"

	"sensor-agent/sensors/crc8"
)

// AHT20 is an Aosong AHT20. It answers while it measures, with its busy bit
// set, and a read without a command gets the status and the last measurement.
type AHT20 struct {
	Temperature, Humidity uint32 // what it measures, 20 bits
	Calibrated            bool
	Takes                 time.Duration // of a measurement

	measured [5]byte
	ready    time.Time
}

// NewAHT20 returns a chip at 25 °C and 50 %RH, not calibrated since power-up.
func NewAHT20() *AHT20 {
	return &AHT20{Temperature: 0x60000, Humidity: 0x80000, Takes: 80 * time.Millisecond}
}

// PowerCycle has the chip forget its measurement. Whether it comes up
// calibrated is a matter of its age: set Calibrated.
func (c *AHT20) PowerCycle() { c.measured, c.ready = [5]byte{}, time.Time{} }

// Tx implements [Chip].
func (c *AHT20) Tx(w, r []byte) error {
	if len(w) > 0 {
		if err := c.command(w); err != nil {
			return err
		}
	}
	var frame [7]byte
	frame[0] = c.status()
	copy(frame[1:], c.measured[:])
	frame[6] = crc8.Sum(frame[:6])
	copy(r, frame[:])
	return nil
}

func (c *AHT20) status() byte {
	status := byte(0x10)
	if c.Calibrated {
		status |= 1 << 3
	}
	if time.Now().Before(c.ready) {
		status |= 1 << 7
	}
	return status
}

func (c *AHT20) command(w []byte) error {
	switch w[0] {
	case 0x71: // status
	case 0xBE: // calibrate
		c.Calibrated = true
	case 0xAC: // measure
		h, t := c.Humidity, c.Temperature
		c.measured = [5]byte{byte(h >> 12), byte(h >> 4), byte(h<<4) | byte(t>>16)&0xF, byte(t >> 8), byte(t)}
		c.ready = time.Now().Add(c.Takes)
	default:
		return errNotAcknowledged
	}
	return nil
}

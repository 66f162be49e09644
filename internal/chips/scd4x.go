package chips

import (
	"encoding/binary"
	"time"

	"sensor-agent/sensors/crc8"
)

// SCD4x is a Sensirion SCD40, SCD41 or SCD43. It is idle until told to measure,
// and while it measures or carries out a command it refuses others.
type SCD4x struct {
	CO2, Temperature, Humidity uint16 // what it measures
	Serial                     [3]uint16
	Altitude                   uint16        // as set, m
	Update                     time.Duration // between two measurements

	started time.Time // when measuring began; zero while idle
	read    int       // measurements that had been made when one was last read
	busy    time.Time // until then it acknowledges nothing
	words   []uint16  // the answer to the last command
	frame   [3 * crc8.WordSize]byte
}

// NewSCD4x returns an idle chip that measures the data sheet's example: 500
// ppm, 25 °C, 37 %RH.
func NewSCD4x() *SCD4x {
	return &SCD4x{
		CO2: 0x01F4, Temperature: 0x6667, Humidity: 0x5EB9,
		Serial: [3]uint16{0xF896, 0x9F07, 0x3BBE},
		Update: 5 * time.Second,
	}
}

// Measuring reports whether the chip has been told to measure.
func (c *SCD4x) Measuring() bool { return !c.started.IsZero() }

// PowerCycle has the chip forget everything.
func (c *SCD4x) PowerCycle() {
	c.started, c.read, c.words, c.Altitude = time.Time{}, 0, nil, 0
}

// Tx implements [Chip].
func (c *SCD4x) Tx(w, r []byte) error {
	if time.Now().Before(c.busy) {
		return errNotAcknowledged
	}
	if len(w) >= 2 {
		if err := c.command(binary.BigEndian.Uint16(w), w[2:]); err != nil {
			return err
		}
	}
	if len(r) == 0 {
		return nil
	}
	if len(c.words) == 0 || time.Now().Before(c.busy) {
		return errNotAcknowledged
	}
	frame := c.frame[:0]
	for _, word := range c.words {
		frame = crc8.AppendWord(frame, word)
	}
	copy(r, frame)
	c.words = c.words[:0]
	return nil
}

func (c *SCD4x) command(cmd uint16, argument []byte) error {
	takes := time.Millisecond
	made := 0 // measurements since the start
	if c.Measuring() {
		made = int(time.Since(c.started) / c.Update)
	}
	c.words = c.words[:0]
	switch {
	case cmd == 0xE4B8: // get_data_ready_status
		status := uint16(0x8000)
		if made > c.read {
			status = 0x8006
		}
		c.words = append(c.words, status)
	case cmd == 0xEC05 && made > c.read: // read_measurement
		c.words = append(c.words, c.CO2, c.Temperature, c.Humidity)
		c.read = made
	case cmd == 0x3F86: // stop_periodic_measurement
		c.started, takes = time.Time{}, 500*time.Millisecond
	case c.Measuring():
		return errNotAcknowledged
	case cmd == 0x21B1: // start_periodic_measurement
		c.started, c.read = time.Now(), 0
	case cmd == 0x3682: // get_serial_number
		c.words = append(c.words, c.Serial[:]...)
	case cmd == 0x2427: // set_sensor_altitude
		var word [1]uint16
		if len(argument) != crc8.WordSize || crc8.Words(word[:], argument) != nil {
			return errNotAcknowledged
		}
		c.Altitude = word[0]
	default:
		return errNotAcknowledged
	}
	c.busy = time.Now().Add(takes)
	return nil
}

package chips

import (
	"encoding/binary"
	"time"
)

// INA219 is a Texas Instruments INA219. Its current and power registers are
// not simulated: they hold 0, as after a reset.
type INA219 struct {
	Shunt int16  // what it measures, 10 µV
	Bus   uint16 // what it measures, 4 mV

	pointer   byte
	config    uint16
	done      time.Time // of the conversion under way
	converted bool      // since the last write to the configuration
	ready     bool      // the bit that says so, until it has been read
	heldShunt int16     // in the registers
	heldBus   uint16
}

// ina219Reset is the configuration after power-up.
const ina219Reset = 0x399F

// NewINA219 returns a chip that measures the example of the data sheet: 20 mV
// across the shunt, 11.98 V at the bus.
func NewINA219() *INA219 {
	c := &INA219{Shunt: 2000, Bus: 2995}
	c.configure(ina219Reset)
	return c
}

// PowerCycle has the chip forget everything.
func (c *INA219) PowerCycle() {
	c.pointer, c.heldShunt, c.heldBus = 0, 0, 0
	c.configure(ina219Reset)
}

// Configuration returns the configuration register.
func (c *INA219) Configuration() uint16 { return c.config }

// Tx implements [Chip].
func (c *INA219) Tx(w, r []byte) error {
	if len(w) > 0 {
		c.pointer = w[0]
	}
	if c.config&7 != 0 && !c.converted && !time.Now().Before(c.done) {
		c.converted, c.ready = true, true
		limit := int16(4000) << (c.config >> 11 & 3)
		c.heldShunt = min(max(c.Shunt, -limit), limit)
		c.heldBus = min(c.Bus, 4000<<(c.config>>13&1))
	}
	if c.pointer == 0x00 && len(w) == 3 {
		c.configure(binary.BigEndian.Uint16(w[1:]))
	}
	if len(r) > 0 {
		readWord(r, c.register(c.pointer))
	}
	return nil
}

func (c *INA219) configure(config uint16) {
	if config&0x8000 != 0 {
		config = ina219Reset
	}
	c.config = config &^ 0x4000
	c.converted, c.ready = false, false
	c.done = time.Now().Add(ina219Takes(config>>7) + ina219Takes(config>>3))
}

// ina219Takes is the time of one voltage (table "ADC Settings").
func ina219Takes(code uint16) time.Duration {
	if code&8 != 0 {
		return 532 * time.Microsecond << (code & 7)
	}
	return [...]time.Duration{84, 148, 276, 532}[code&3] * time.Microsecond
}

func (c *INA219) register(address byte) uint16 {
	switch address {
	case 0x00:
		return c.config
	case 0x01:
		return uint16(c.heldShunt)
	case 0x02:
		value := c.heldBus << 3
		if c.ready {
			value |= 0x0002
			c.ready = false
		}
		return value
	default:
		return 0
	}
}

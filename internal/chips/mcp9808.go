package chips

import (
	"encoding/binary"
	"time"
)

// MCP9808 is a Microchip MCP9808: its temperature register holds 0 from
// power-up, and the last value from a shutdown, until a conversion has ended.
type MCP9808 struct {
	Temperature  uint16 // what it measures: 1/16 °C, 13 bits two's complement
	Manufacturer uint16
	Device       uint16

	pointer    byte
	config     uint16
	resolution byte
	converting time.Time // since when
	held       uint16    // in the temperature register
}

// NewMCP9808 returns a chip at 25.25 °C that has just been powered up.
func NewMCP9808() *MCP9808 {
	c := &MCP9808{Temperature: 0x0194, Manufacturer: 0x0054, Device: 0x0400}
	c.PowerCycle()
	return c
}

// PowerCycle has the chip forget everything.
func (c *MCP9808) PowerCycle() {
	c.pointer, c.config, c.held = 0, 0, 0
	c.resolution, c.converting = 3, time.Now()
}

// Shutdown reports whether the chip has been shut down.
func (c *MCP9808) Shutdown() bool { return c.config&0x0100 != 0 }

// Tx implements [Chip].
func (c *MCP9808) Tx(w, r []byte) error {
	if len(w) > 0 {
		c.pointer = w[0]
	}
	c.convert()
	switch {
	case c.pointer == 0x01 && len(w) == 3:
		config := binary.BigEndian.Uint16(w[1:])
		if c.Shutdown() && config&0x0100 == 0 {
			c.converting = time.Now()
		}
		c.config = config
	case c.pointer == 0x08 && len(w) == 2:
		c.resolution = w[1]
	case len(w) > 1:
		return errNotAcknowledged
	}
	readWord(r, c.register(c.pointer))
	return nil
}

// convert moves the temperature into its register if a conversion has ended.
func (c *MCP9808) convert() {
	if !c.Shutdown() && time.Since(c.converting) >= 250*time.Millisecond {
		c.held = c.Temperature & 0x1FFF
	}
}

func (c *MCP9808) register(address byte) uint16 {
	switch address {
	case 0x01:
		return c.config
	case 0x05:
		return c.held
	case 0x06:
		return c.Manufacturer
	case 0x07:
		return c.Device
	case 0x08:
		return uint16(c.resolution) << 8
	default:
		return 0
	}
}

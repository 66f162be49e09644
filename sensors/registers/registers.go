// Package registers reaches the registers of chips that have 16 bits in each,
// high byte first, and send no checksum.
//
// A wire is disturbed now and then, by a relay or a long cable, and I2C does
// not notice. So what is read is read until two reads agree.
package registers

import (
	"encoding/binary"
	"errors"
	"fmt"

	"periph.io/x/conn/v3/i2c"
)

// attempts bounds the reads to find two alike: a disturbance, and a value that
// changes meanwhile, are one each.
const attempts = 5

// ErrUnsteady is what a register gives that never reads the same twice.
var ErrUnsteady = errors.New("no two reads agree: the bus is disturbed, check the length of its wires and its pull-ups")

// Chip is a chip's registers as reached over the bus. Its buffers live as long
// as it does, so that a transaction allocates nothing.
type Chip struct {
	Bus     i2c.Bus
	Address uint16

	out [3]byte
	in  [2]byte
}

// Read reads a register until two reads in a row agree. Its error names the
// register.
func (c *Chip) Read(register byte) (uint16, error) {
	var before uint16
	for i := range attempts {
		now, err := c.ReadOnce(register)
		if err != nil {
			return 0, err
		}
		if i > 0 && now == before {
			return now, nil
		}
		before = now
	}
	return 0, fmt.Errorf("reading register %#02x: %w", register, ErrUnsteady)
}

// ReadOnce reads a register that reading changes.
func (c *Chip) ReadOnce(register byte) (uint16, error) {
	c.out[0] = register
	if err := c.Bus.Tx(c.Address, c.out[:1], c.in[:]); err != nil {
		return 0, fmt.Errorf("reading register %#02x: %w", register, err)
	}
	return binary.BigEndian.Uint16(c.in[:]), nil
}

// Write writes a register. Whether it arrived, only reading it tells.
func (c *Chip) Write(register byte, value uint16) error {
	c.out[0] = register
	binary.BigEndian.PutUint16(c.out[1:], value)
	if err := c.Bus.Tx(c.Address, c.out[:], nil); err != nil {
		return fmt.Errorf("writing register %#02x: %w", register, err)
	}
	return nil
}

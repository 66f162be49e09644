package bosch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"sensor-agent/sensors"
)

// Registers and codes that all chips of the family share.
const (
	regID    = 0xD0
	regReset = 0xE0

	resetWord = 0xB6
	modeMask  = 0x03 // in ctrl_meas: 0 sleep, 1 forced
	forced    = 0x01
)

const (
	attempts  = 5 // reads to find two alike
	pollEvery = 10 * time.Millisecond
	shortest  = 2 * time.Millisecond // any measurement takes longer
)

var (
	errUnsteady = errors.New("no two reads in a row were alike: the bus is disturbed, check the length of its wires and its pull-ups")
	errSilent   = errors.New("the bus reads all ones: the chip is gone, check its supply and wiring")
	errReset    = errors.New("the chip has lost its settings: it was reset or exchanged meanwhile, check its supply")
)

// registers is a chip's register file as reached over the bus. Its buffers
// live as long as the sensor, so that a transaction allocates nothing.
type registers struct {
	bus     i2c.Bus
	address uint16
	out     [16]byte
	again   [26]byte // the longest block there is
}

// write writes registers, given as pairs of address and data, in one
// transaction.
func (r *registers) write(pairs ...byte) error {
	n := copy(r.out[:], pairs)
	return r.bus.Tx(r.address, r.out[:n], nil)
}

// read fills b from the registers that begin at reg.
func (r *registers) read(reg byte, b []byte) error {
	r.out[0] = reg
	return r.bus.Tx(r.address, r.out[:1], b)
}

// readAlike reads until two reads in a row are alike. The registers must hold
// still meanwhile.
func (r *registers) readAlike(reg byte, b []byte) error {
	again := r.again[:len(b)]
	if err := r.read(reg, b); err != nil {
		return err
	}
	for range attempts - 1 {
		if err := r.read(reg, again); err != nil {
			return err
		}
		if bytes.Equal(b, again) {
			return nil
		}
		copy(b, again)
	}
	return errUnsteady
}

// readCalibration is readAlike for a block of calibration, which no chip
// leaves blank.
func (r *registers) readCalibration(reg byte, b []byte) error {
	if err := r.readAlike(reg, b); err != nil {
		return fmt.Errorf("reading the calibration at %#02x: %w", reg, err)
	}
	if same(b, 0x00) || same(b, 0xFF) {
		return fmt.Errorf("the calibration at %#02x reads %#02x throughout: check the chip's supply and wiring, else it is broken", reg, b[0])
	}
	return nil
}

// same reports whether b holds nothing but v.
func same(b []byte, v byte) bool {
	for _, x := range b {
		if x != v {
			return false
		}
	}
	return true
}

// await waits for what takes at most longest, by the datasheet. A chip that is
// late is asked again for a while, for its clock may be slow; see [lateness].
func await(ctx context.Context, longest time.Duration, done func() (bool, error)) error {
	if err := sensors.Sleep(ctx, longest); err != nil {
		return err
	}
	for late := time.Duration(0); ; late += pollEvery {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if late >= lateness(longest) {
			return fmt.Errorf("the chip is still busy after %v, though it needs %v at most: switch it off and on, else it is broken", longest+late, longest)
		}
		if err := sensors.Sleep(ctx, pollEvery); err != nil {
			return err
		}
	}
}

// lateness bounds how long after its longest time a chip may still be busy.
// The datasheets give the clock that times the heater no tolerance.
func lateness(longest time.Duration) time.Duration {
	return 50*time.Millisecond + longest/8
}

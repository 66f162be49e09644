package scan

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"periph.io/x/conn/v3/i2c"

	"sensor-agent/internal/bus"
	"sensor-agent/sensors/crc8"
)

// slow is longer than any transaction of a scan takes, but shorter than the
// kernel waits for a bus that is stuck.
const slow = 500 * time.Millisecond

// eremoteio is EREMOTEIO on Linux, which other systems do not name.
const eremoteio = syscall.Errno(121)

// errUnsafe is the answer to a transaction that could do harm and was not sent.
var errUnsafe = errors.New("not sent: another chip could take it for a value")

// A line is a bus as drivers have it during a scan. It lets through what is
// harmless, by what the address has answered so far, and nothing at all once
// the bus has failed: each of 112 addresses would fail as slowly.
type line struct {
	i2c.Bus
	commands bool  // the chip takes commands; otherwise it has registers
	heard    bool  // it has acknowledged something beside a plain read
	failed   error // why the bus is not used any more
}

// Tx carries a plain read, and either the number of a register with a read of
// it or a command of one or two bytes.
func (l *line) Tx(address uint16, w, r []byte) error {
	switch {
	case l.failed != nil:
		return l.failed
	case len(w) == 0:
	case l.commands && (len(w) > 2 || len(r) > 0), !l.commands && (len(w) > 1 || len(r) == 0):
		return errUnsafe
	}
	start := time.Now()
	err := l.Bus.Tx(address, w, r)
	switch took := time.Since(start); {
	case err == nil:
		l.heard = l.heard || len(w) > 0
	case errors.Is(err, bus.ErrStuck):
		l.failed = err
	case took > slow:
		l.failed = fmt.Errorf("transaction with %#02x failed only after %v: %w", address, took.Round(time.Millisecond), err)
	case !refused(err):
		l.failed = err
	}
	return err
}

// refused reports whether an error of a transaction means that the address, or
// what was written to it, was not acknowledged. Adapters differ in how they say
// it.
func refused(err error) bool {
	return errors.Is(err, syscall.ENXIO) || errors.Is(err, eremoteio) || errors.Is(err, syscall.EIO)
}

// answers reports whether something can be read at an address without a word.
// What can be read once only is the answer to an earlier command.
func (l *line) answers(address uint16) bool {
	var b [1]byte
	for range 2 {
		if l.Tx(address, nil, b[:]) != nil {
			return false
		}
	}
	return true
}

// checksummed reports whether what is read at an address carries the checksums
// of a chip that takes commands.
func (l *line) checksummed(address uint16) bool {
	var frame [2 * crc8.WordSize]byte
	var words [2]uint16
	return l.Tx(address, nil, frame[:]) == nil && crc8.Words(words[:], frame[:]) == nil
}

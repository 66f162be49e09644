// Package chips simulates sensor chips at register level: what a driver writes
// and reads on the wire is answered as the chip would answer, with its timing,
// its reset values and its faults. Drivers are tested against them, and they
// can stand behind a kernel bus.
//
// The chips take the time from the time package, so inside a testing/synctest
// bubble a measurement of 183 ms costs nothing. They compute nothing: the raw
// values a chip measures are given to it by the test.
package chips

import (
	"fmt"
	"sync"
	"syscall"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
)

// A Chip answers I2C transactions at one address: w is what the master wrote
// (register first), r what it reads after a repeated start; either may be
// empty. An error is what a real adapter returns when the chip does not
// acknowledge.
type Chip interface {
	Tx(w, r []byte) error
}

// Bus is a simulated I2C bus with chips at its addresses. Its methods may be
// used by several goroutines. The zero value is an empty bus.
type Bus struct {
	mu    sync.Mutex
	chips map[uint16]Chip
	fault func(addr uint16, w, r []byte) error
	count int
}

var _ i2c.Bus = (*Bus)(nil)

// Plug puts a chip at an address; nil unplugs what is there.
func (b *Bus) Plug(addr uint16, c Chip) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.chips == nil {
		b.chips = make(map[uint16]Chip)
	}
	if c == nil {
		delete(b.chips, addr)
		return
	}
	b.chips[addr] = c
}

// Fault installs a function called after each transaction with what was
// written and what was read: it may flip bits in r, block, or fail the
// transaction by returning an error. nil removes it.
func (b *Bus) Fault(f func(addr uint16, w, r []byte) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault = f
}

// Transactions returns how many transactions the bus has carried.
func (b *Bus) Transactions() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}

// Tx implements [i2c.Bus].
func (b *Bus) Tx(addr uint16, w, r []byte) error {
	b.mu.Lock()
	c, fault := b.chips[addr], b.fault
	b.count++
	b.mu.Unlock()
	if c == nil {
		return fmt.Errorf("nothing answers at %#02x: %w", addr, syscall.ENXIO) // as a real adapter says it
	}
	if err := c.Tx(w, r); err != nil {
		return err
	}
	if fault != nil {
		return fault(addr, w, r)
	}
	return nil
}

// SetSpeed implements [i2c.Bus]; a simulated bus has no speed.
func (b *Bus) SetSpeed(physic.Frequency) error { return nil }

// String implements [i2c.Bus].
func (b *Bus) String() string { return "simulated I2C bus" }

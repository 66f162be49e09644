//go:build linux

package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"syscall"
)

// A wire carries transactions to simulated chips, and can be faulty. It is an
// I2C bus or, with one chip at address 0, an SPI port.
type wire struct {
	carry func(address uint16, w, r []byte) error

	mu      sync.Mutex
	rnd     *rand.Rand
	fault   fault
	freed   chan struct{}     // closed when the wire is no longer held
	resets  map[uint16]*lapse // brown-outs to come
	spoiled int               // transactions that a fault has changed
	flipped int               // bit flipped last
}

// A fault is what is wrong with a wire. The shares are of all transactions.
type fault struct {
	nak       float64 // not acknowledged, though the chip is there
	flipRead  float64 // one bit of what is read is wrong
	flipWrite float64 // one bit of what is written is wrong
	held      bool    // no transaction ends
	deaf      bool    // with held: the adapter does not let go either when the kernel gives up
}

// A lapse resets a chip just before one of its next transactions.
type lapse struct {
	after int // transactions to come before it
	reset func()
	done  chan struct{} // closed when it has happened
}

func newWire(seed uint64, carry func(address uint16, w, r []byte) error) *wire {
	return &wire{carry: carry, rnd: rand.New(rand.NewPCG(seed, 1)), freed: make(chan struct{}), resets: map[uint16]*lapse{}}
}

// setFault replaces the fault. What was held goes on.
func (x *wire) setFault(f fault) {
	x.mu.Lock()
	defer x.mu.Unlock()
	close(x.freed)
	x.freed = make(chan struct{})
	x.fault = f
}

// takeSpoiled returns how many transactions faults have changed since it was
// last called.
func (x *wire) takeSpoiled() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := x.spoiled
	x.spoiled = 0
	return n
}

// deaf reports whether the adapter ignores that the kernel gives up.
func (x *wire) deaf() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.fault.held && x.fault.deaf
}

// lapse plans a brown-out.
func (x *wire) lapse(address uint16, after int, reset func()) *lapse {
	l := &lapse{after: after, reset: reset, done: make(chan struct{})}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.resets[address] = l
	return l
}

// tx carries out one transaction, which takes as long as the wire is held, or
// until the adapter gives it up.
func (x *wire) tx(ctx context.Context, address uint16, w, r []byte) error {
	x.mu.Lock()
	for x.fault.held {
		freed := x.freed
		x.spoiled++
		x.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
		x.mu.Lock()
	}
	defer x.mu.Unlock()
	if l := x.resets[address]; l != nil {
		if l.after--; l.after < 0 {
			l.reset()
			close(l.done)
			delete(x.resets, address)
		}
	}
	if x.hit(x.fault.nak) {
		return syscall.ENXIO
	}
	if len(w) > 0 && x.hit(x.fault.flipWrite) {
		w = append([]byte(nil), w...)
		x.flip(w)
	}
	if err := x.carry(address, w, r); err != nil {
		return err
	}
	if len(r) > 0 && x.hit(x.fault.flipRead) {
		x.flip(r)
	}
	return nil
}

func (x *wire) hit(share float64) bool {
	if share == 0 || x.rnd.Float64() >= share {
		return false
	}
	x.spoiled++
	return true
}

// flip flips a bit, but never the same one twice running: two reads that are
// wrong alike are not to be told from the truth.
func (x *wire) flip(b []byte) {
	bit := x.rnd.IntN(8 * len(b))
	if bit == x.flipped {
		bit = (bit + 1) % (8 * len(b))
	}
	x.flipped = bit
	b[bit/8] ^= 1 << (bit % 8)
}

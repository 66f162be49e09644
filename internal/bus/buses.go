// Package bus carries transactions on the real I2C and SPI buses of the device.
//
//	sensor ──┐         ┌────────┐
//	sensor ──┼─ turn ──┤ worker ├── descriptor of /dev/i2c-1
//	sensor ──┘         └────────┘
//
// Only a bus's worker goroutine touches its descriptor, and only buffers of its
// own. That gives three things at once: transactions never contend (periph's
// sysfs.I2C.Tx hands the kernel addresses on the stack and waits for a lock in
// between, so contention corrupts it); a transaction that hangs costs its
// caller a deadline, and not the agent; and what comes back after the deadline
// cannot write into memory that its caller has reused.
//
// Device nodes are opened with periph's sysfs package directly. host.Init is
// not used: it maps GPIO registers, at addresses that are wrong on a Pi 5, and
// knows only the buses that exist when it runs. This package does not retry,
// does not keep several transactions together and does not set the speed of a
// bus; its errors name the address and what to do, the caller adds the sensor.
//
// A bus can also be a recording of one, see package recording.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/spi"

	"sensor-agent/internal/recording"
	"sensor-agent/sensors"
)

// closeTimeout bounds Close: the transactions that are under way end within
// their deadline, and the workers after them at once.
const closeTimeout = txTimeout + time.Second

// Buses are all the buses of the device. Nothing is opened before the first
// transaction, so the buses of a configuration can be named on any machine. Its
// methods, and those of what they return, may be used by several goroutines.
type Buses struct {
	log     *slog.Logger
	openI2C func(number int) (device, error)
	openSPI func(number, chip int, s setup) (device, error)
	access  func(path string) error // whether a node could be opened
	tap     *recording.Tap          // nil without a recorder

	mu         sync.Mutex
	byPath     map[string]*bus
	recordings map[string]*recording.Replay // by file
	closed     bool
}

// New returns the buses of the device. log is told of buses that hang.
func New(log *slog.Logger) *Buses {
	return &Buses{
		log: log, openI2C: openI2C, openSPI: openSPI, access: access,
		byPath: make(map[string]*bus), recordings: make(map[string]*recording.Replay),
	}
}

// Record has a recorder told of every transaction on every bus, after it has
// ended; see [recording.NewTap] for what it must not do. It is called before
// the first bus is named.
func (b *Buses) Record(to func(recording.Transaction)) { b.tap = recording.NewTap(to) }

// I2C returns a bus by its name: "1" or "/dev/i2c-1"; "" is "1", the bus on the
// header of every Pi. An error means a malformed name, a device node that is not
// there or may not be used, or that b is closed.
//
// Each transaction has a deadline of 2 s. It opens the device node when it is
// not open; where that fails, the error says what to do and the next
// transaction tries again. An error can be tested with [errors.Is] for its
// [syscall.Errno], for [io/fs.ErrNotExist] and for [io/fs.ErrPermission].
//
// The name of a recording gives a bus of that; see [recording.CutName].
func (b *Buses) I2C(name string) (i2c.Bus, error) {
	if file, bus, ok := recording.CutName(name); ok {
		return b.recordedI2C(file, bus)
	}
	number, err := i2cNumber(name)
	if err != nil {
		return nil, err
	}
	shared, err := b.named(i2cNode(number), func(setup) (device, error) { return b.openI2C(number) })
	if err != nil {
		return nil, err
	}
	return b.tap.I2C(fmt.Sprintf("i2c-%d", number), i2cBus{shared}), nil
}

// SPI returns a port, which is one chip select of an SPI bus, by its name:
// "0.0" or "/dev/spidev0.0"; "" is "0.0". What [Buses.I2C] says of errors, of the
// deadline and of recordings holds here too. Connect may be called any number
// of times.
func (b *Buses) SPI(name string) (spi.Port, error) {
	if file, bus, ok := recording.CutName(name); ok {
		return b.recordedSPI(file, bus)
	}
	number, chip, err := spiNumbers(name)
	if err != nil {
		return nil, err
	}
	shared, err := b.named(spiNode(number, chip), func(s setup) (device, error) { return b.openSPI(number, chip, s) })
	if err != nil {
		return nil, err
	}
	return b.tap.SPI(fmt.Sprintf("spi-%d.%d", number, chip), spiPort{shared}), nil
}

// named returns the bus of a device node, the same one each time. A node that
// is not there is told here, before a chip is blamed for not answering.
func (b *Buses) named(n node, open func(setup) (device, error)) (*bus, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errClosed
	}
	if err := b.access(n.path); err != nil {
		return nil, n.openError(err)
	}
	if b.byPath[n.path] == nil {
		b.byPath[n.path] = newBus(n, open, b.log)
	}
	return b.byPath[n.path], nil
}

// Reopen lets go of the device node of a bus that has been named, which is
// opened anew by the next transaction: the last thing to try for a chip that
// answers nonsense.
func (b *Buses) Reopen(kind sensors.Bus, name string) {
	path := i2cPrefix + name
	if kind == sensors.SPI {
		path = spiPrefix + name
	}
	b.mu.Lock()
	bus := b.byPath[path]
	b.mu.Unlock()
	if bus != nil {
		bus.reopen()
	}
}

// Stats counts what one bus has carried.
type Stats struct {
	Bus          string // device node: "/dev/i2c-1"
	Transactions uint64 // all that were asked for
	Errors       uint64 // those which failed, for whatever reason
	Abandoned    uint64 // those which had no answer in time
	Hung         int    // those abandoned that have still not come back, 0..4
}

// Stats returns the counts of every bus named so far, in the order of their
// nodes. It does not wait for a transaction.
func (b *Buses) Stats() []Stats {
	all := b.sorted()
	stats := make([]Stats, len(all))
	for i, bus := range all {
		stats[i] = bus.stats()
	}
	return stats
}

// Close lets the transactions that are under way end and closes every device
// node; transactions after it fail. It returns within 3 s, whatever hangs, with
// an error for each bus that could not be closed.
func (b *Buses) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	all := b.sorted()
	for _, bus := range all {
		bus.closed.Store(true) // those who wait for their turn fail instead of going on
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var errs []error
	for _, bus := range all {
		if err := bus.close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", bus.node.path, err))
		}
	}
	return errors.Join(errs...)
}

// sorted returns the buses named so far in the order of their nodes.
func (b *Buses) sorted() []*bus {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*bus, 0, len(b.byPath))
	for _, path := range slices.Sorted(maps.Keys(b.byPath)) {
		all = append(all, b.byPath[path])
	}
	return all
}

var errClosed = fmt.Errorf("the buses of this device are closed: %w", os.ErrClosed)

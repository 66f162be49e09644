package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	// txTimeout is the deadline of one transaction, with the opening of the
	// device node if there is any. The kernel's own limit is 1 s (struct
	// i2c_adapter, timeout), so where it gives up by itself its reason is heard.
	txTimeout = 2 * time.Second

	// maxHung bounds the abandoned transactions of one bus, as each keeps a
	// goroutine, an operating system thread and a descriptor.
	maxHung = 4

	// idleTimeout is how long a device node stays open without being used. An
	// adapter that is unplugged meanwhile comes back under its number only if
	// nobody holds it; opening takes microseconds.
	idleTimeout = time.Second
)

// A bus serialises the transactions of all who use one device node and gives
// each a deadline.
type bus struct {
	node node
	open func(setup) (device, error)
	log  *slog.Logger

	transactions, errors, abandoned atomic.Uint64
	hung                            atomic.Int32
	closed                          atomic.Bool

	// turn is the lock of the fields below: who has put a token in has the
	// bus. The wait for it is bounded, as everybody before has a deadline.
	turn   chan struct{}
	timer  *time.Timer // reused, so that a transaction allocates nothing
	worker *worker     // nil before the first transaction and after an abandoned one
	renew  bool        // the next transaction opens the device node anew
}

func newBus(n node, open func(setup) (device, error), log *slog.Logger) *bus {
	timer := time.NewTimer(txTimeout)
	timer.Stop()
	return &bus{node: n, open: open, log: log, turn: make(chan struct{}, 1), timer: timer}
}

// String returns the device node: "/dev/i2c-1".
func (b *bus) String() string { return b.node.path }

// tx carries one transaction. x.r is written only when it succeeds.
func (b *bus) tx(x exchange) error {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	b.transactions.Add(1)
	err := b.carry(x)
	if err != nil {
		b.errors.Add(1)
	}
	return err
}

// carry hands x to the worker and waits for it until the deadline. The caller
// has the turn.
func (b *bus) carry(x exchange) error {
	if b.closed.Load() {
		return errClosed
	}
	if n := b.hung.Load(); n >= maxHung {
		return b.node.stuckError(fmt.Sprintf("not tried, as %d transactions hang already", n))
	}
	if b.worker == nil {
		b.worker = newWorker()
		go b.serve(b.worker)
	}
	w := b.worker
	w.load(x)
	w.renew, b.renew = b.renew, false
	b.timer.Reset(txTimeout)
	w.start <- struct{}{}
	select {
	case err := <-w.done:
		b.timer.Stop()
		if err == nil {
			copy(x.r, w.x.r)
		}
		return err
	case <-b.timer.C:
		err := b.node.stuckError(fmt.Sprintf("no answer for %v", txTimeout))
		b.abandon(err)
		return err
	}
}

// abandon leaves the worker to its transaction; the next one gets a new worker,
// which opens the device node beside it. The caller has the turn.
func (b *bus) abandon(why error) {
	b.abandoned.Add(1)
	b.hung.Add(1)
	b.worker.abandoned = true
	close(b.worker.start)
	b.worker = nil
	b.log.Warn("transaction abandoned", "bus", b.node.path, "err", why)
}

// serve is the worker's goroutine: it carries transactions until start is
// closed, by close or by abandon, and closes the device behind itself.
func (b *bus) serve(w *worker) {
	defer close(w.ended)
	idle := time.NewTimer(idleTimeout)
	defer idle.Stop()
	for more := true; more; {
		select {
		case _, more = <-w.start:
			if more {
				w.done <- w.transact(b.open) // never blocks: it has room for the one answer
				idle.Reset(idleTimeout)
			}
		case <-idle.C:
			w.closeDevice()
		}
	}
	w.closeDevice()
	if w.abandoned {
		b.hung.Add(-1)
		b.log.Info("abandoned transaction came back", "bus", b.node.path)
	}
}

// reopen lets go of the device node, so that the next transaction opens it anew.
func (b *bus) reopen() {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	b.renew = true
}

// close ends the worker and waits for it until ctx ends. Those that hang are
// not waited for: they have had their time.
func (b *bus) close(ctx context.Context) error {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return errors.New("its transactions do not end")
	}
	if w := b.worker; w != nil {
		b.worker = nil
		close(w.start)
		select {
		case <-w.ended:
		case <-ctx.Done():
			return errors.New("the kernel does not close the device node")
		}
	}
	if n := b.hung.Load(); n > 0 {
		return fmt.Errorf("hung transactions: %d: %s", n, b.node.stuck)
	}
	return nil
}

func (b *bus) stats() Stats {
	return Stats{
		Bus:          b.node.path,
		Transactions: b.transactions.Load(),
		Errors:       b.errors.Load(),
		Abandoned:    b.abandoned.Load(),
		Hung:         int(b.hung.Load()),
	}
}

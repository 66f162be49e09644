package bus

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"periph.io/x/conn/v3/i2c"
)

// A host stands for the kernel: it opens fake devices and remembers what was
// done to them.
type host struct {
	mu      sync.Mutex
	missing bool                                 // the node is not there
	setups  []setup                              // of each opening
	tx      func(addr uint16, w, r []byte) error // of every device
	closed  atomic.Int32                         // devices closed
	overlap atomic.Bool                          // two were, on one device
}

func (h *host) open(s setup) (device, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.missing {
		return nil, i2cNode(1).openError(syscall.ENOENT)
	}
	h.setups = append(h.setups, s)
	return &fakeDevice{host: h}, nil
}

func (h *host) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

func (h *host) opened() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.setups)
}

type fakeDevice struct {
	host   *host
	within atomic.Int32
}

func (d *fakeDevice) Tx(addr uint16, w, r []byte) error {
	if d.within.Add(1) != 1 {
		d.host.overlap.Store(true)
	}
	defer d.within.Add(-1)
	d.host.mu.Lock()
	tx := d.host.tx
	d.host.mu.Unlock()
	return tx(addr, w, r)
}

func (d *fakeDevice) Close() error {
	d.host.closed.Add(1)
	return nil
}

// echo answers with what a chip at addr is asked for, so that every response
// can be told from every other.
func echo(addr uint16, w, r []byte) error {
	for i := range r {
		r[i] = byte(addr) ^ w[i%len(w)] ^ byte(i)
	}
	return nil
}

// hang returns a transaction that never ends, and a function which lets those
// that hang in it end: they then write into their buffer.
func hang() (tx func(uint16, []byte, []byte) error, release func()) {
	free := make(chan struct{})
	tx = func(_ uint16, _, r []byte) error {
		<-free
		for i := range r {
			r[i] = 0xEE
		}
		return nil
	}
	return tx, func() { close(free) }
}

// on returns buses whose device nodes are opened by h.
func on(h *host) *Buses {
	b := New(slog.New(slog.DiscardHandler))
	b.access = func(string) error { return nil }
	b.openI2C = func(int) (device, error) { return h.open(setup{}) }
	b.openSPI = func(_, _ int, s setup) (device, error) { return h.open(s) }
	return b
}

func mustI2C(t testing.TB, b *Buses, name string) i2c.Bus {
	t.Helper()
	bus, err := b.I2C(name)
	if err != nil {
		t.Fatal(err)
	}
	return bus
}

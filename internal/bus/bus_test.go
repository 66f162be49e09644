package bus

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/sensors"
)

func TestTransactionCopiesInAndOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var written []byte
		h := &host{tx: func(addr uint16, w, r []byte) error {
			written = w // a device that keeps what it was given
			return echo(addr, w, r)
		}}
		b := on(h)
		defer b.Close()
		w, r := []byte{0xD0, 7}, make([]byte, 3)
		if err := mustI2C(t, b, "1").Tx(0x76, w, r); err != nil {
			t.Fatal(err)
		}
		if want := []byte{0x76 ^ 0xD0, 0x76 ^ 7 ^ 1, 0x76 ^ 0xD0 ^ 2}; !bytes.Equal(r, want) {
			t.Errorf("read %x, want %x", r, want)
		}
		if w[0] = 0; written[0] != 0xD0 {
			t.Error("the device was handed the caller's buffer")
		}
	})
}

func TestNothingIsOpenedBeforeTheFirstTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{tx: echo}
		b := on(h)
		defer b.Close()
		one, same := mustI2C(t, b, ""), mustI2C(t, b, "/dev/i2c-1")
		if n := h.opened(); n != 0 {
			t.Errorf("opened %d times before the first transaction", n)
		}
		for _, bus := range []interface {
			Tx(uint16, []byte, []byte) error
		}{one, same, one} {
			if err := bus.Tx(0x76, []byte{1}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if n := h.opened(); n != 1 {
			t.Errorf("opened %d times for two names of one bus, want once", n)
		}
	})
}

func TestManyCallersOfOneBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{tx: echo}
		b := on(h)
		defer b.Close()
		var callers sync.WaitGroup
		for caller := range 16 {
			callers.Go(func() {
				bus := mustI2C(t, b, "1")
				for i := range 500 {
					w := []byte{byte(caller), byte(i)}
					got, want := make([]byte, 1+i%40), make([]byte, 1+i%40)
					_ = echo(uint16(caller), w, want)
					if err := bus.Tx(uint16(caller), w, got); err != nil {
						t.Error(err)
					}
					if !bytes.Equal(got, want) {
						t.Errorf("caller %d read %x, want %x", caller, got, want)
					}
				}
			})
		}
		callers.Wait()
		if h.overlap.Load() {
			t.Error("two transactions at once on one device")
		}
		want := []Stats{{Bus: "/dev/i2c-1", Transactions: 16 * 500}}
		if diff := cmp.Diff(want, b.Stats()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
	})
}

func TestAdapterVanishesAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{tx: echo}
		b := on(h)
		defer b.Close()
		bus := mustI2C(t, b, "1")
		read := func() error { return bus.Tx(0x76, []byte{0xD0}, make([]byte, 1)) }
		if err := read(); err != nil {
			t.Fatal(err)
		}

		h.set(func() { h.missing, h.tx = true, func(uint16, []byte, []byte) error { return syscall.ENODEV } })
		if err := read(); !errors.Is(err, syscall.ENODEV) {
			t.Errorf("unplugged: %v", err)
		}
		if h.closed.Load() != 1 {
			t.Error("the descriptor is held: the kernel cannot bring the adapter back")
		}
		for range 2 {
			if err := read(); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "raspi-config") {
				t.Errorf("away: %v", err)
			}
		}

		h.set(func() { h.missing, h.tx = false, echo })
		if err := read(); err != nil {
			t.Errorf("plugged in again: %v", err)
		}
		want := []Stats{{Bus: "/dev/i2c-1", Transactions: 5, Errors: 3}}
		if diff := cmp.Diff(want, b.Stats()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
	})
}

// The kernel gives an adapter its number back only if nobody holds it.
func TestDeviceNodeIsLetGoWhenIdleOrTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{tx: echo}
		buses := on(h)
		defer buses.Close()
		bus := mustI2C(t, buses, "1")
		use := func() {
			t.Helper()
			if err := bus.Tx(0x76, []byte{0xD0}, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		use()
		time.Sleep(idleTimeout - time.Millisecond)
		use()
		time.Sleep(idleTimeout - time.Millisecond)
		if h.opened() != 1 || h.closed.Load() != 0 {
			t.Errorf("in use: opened %d times, closed %d", h.opened(), h.closed.Load())
		}
		time.Sleep(2 * time.Millisecond)
		if h.closed.Load() != 1 {
			t.Errorf("idle: closed %d times", h.closed.Load())
		}
		use()
		buses.Reopen(sensors.I2C, "1")
		buses.Reopen(sensors.I2C, "2") // nobody's
		use()
		use()
		if h.opened() != 3 || h.closed.Load() != 2 {
			t.Errorf("after one reopening: opened %d times, closed %d", h.opened(), h.closed.Load())
		}
	})
}

func TestFailedTransactionLeavesTheBufferAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{tx: func(_ uint16, _, r []byte) error {
			r[0] = 0xEE
			return syscall.EIO
		}}
		b := on(h)
		defer b.Close()
		r := []byte{1}
		if err := mustI2C(t, b, "1").Tx(0x76, nil, r); !errors.Is(err, syscall.EIO) || r[0] != 1 {
			t.Errorf("buffer %x, error %v", r, err)
		}
	})
}

func TestUnwrittenBytesAreNotThoseOfAnotherChip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{tx: echo}
		b := on(h)
		defer b.Close()
		bus := mustI2C(t, b, "1")
		if err := bus.Tx(0x76, []byte{0xFF}, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
		h.set(func() { h.tx = func(uint16, []byte, []byte) error { return nil } })
		r := []byte{1, 1, 1, 1}
		if err := bus.Tx(0x48, []byte{0}, r); err != nil || !bytes.Equal(r, make([]byte, 4)) {
			t.Errorf("read %x, error %v", r, err)
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{tx: echo}
		b := on(h)
		one, two := mustI2C(t, b, "1"), mustI2C(t, b, "2")
		for _, bus := range []interface {
			Tx(uint16, []byte, []byte) error
		}{one, two} {
			if err := bus.Tx(0x76, []byte{0}, nil); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}
		if n := h.closed.Load(); n != 2 {
			t.Errorf("%d devices closed, want 2", n)
		}
		if err := one.Tx(0x76, []byte{0}, nil); !errors.Is(err, os.ErrClosed) {
			t.Errorf("transaction after Close: %v", err)
		}
		if _, err := b.I2C("3"); !errors.Is(err, os.ErrClosed) {
			t.Errorf("bus after Close: %v", err)
		}
		if h.opened() != 2 {
			t.Error("a device was opened after Close")
		}
	})
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	b := on(&host{tx: echo})
	defer b.Close()
	bus := mustI2C(t, b, "1")
	w, r := []byte{0xF7}, make([]byte, 8)
	allocs := testing.AllocsPerRun(200, func() {
		if err := bus.Tx(0x76, w, r); err != nil {
			t.Error(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per transaction", allocs)
	}
}

// One transaction should cost little more than what no design with a worker
// can save: a hand-over to another goroutine and back.
func BenchmarkTx(b *testing.B) {
	buses := on(&host{tx: func(uint16, []byte, []byte) error { return nil }})
	defer buses.Close()
	bus := mustI2C(b, buses, "1")
	w, r := []byte{0xF7}, make([]byte, 8)

	there, back := make(chan struct{}, 1), make(chan error, 1)
	defer close(there)
	go func() {
		for range there {
			back <- nil
		}
	}()
	start := time.Now()
	for range b.N {
		there <- struct{}{}
		<-back
	}
	bare := time.Since(start)

	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := bus.Tx(0x76, w, r); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(bare), "handovers/op")
}

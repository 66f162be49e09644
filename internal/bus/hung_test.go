package bus

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHungTransactionIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck, release := hang()
		h := &host{tx: stuck}
		b := on(h)
		bus := mustI2C(t, b, "1")

		start := time.Now()
		r := []byte{1, 2, 3}
		err := bus.Tx(0x76, []byte{0xF7}, r)
		if waited := time.Since(start); waited != 2*time.Second {
			t.Errorf("returned after %v, want 2s", waited)
		}
		if !errors.Is(err, ErrStuck) || !strings.Contains(err.Error(), "no answer for 2s") || !strings.Contains(err.Error(), "SDA") {
			t.Errorf("error %v", err)
		}

		h.set(func() { h.tx = echo })
		if err := bus.Tx(0x77, []byte{0}, make([]byte, 1)); err != nil {
			t.Errorf("the next transaction: %v", err)
		}
		if n := h.opened(); n != 2 {
			t.Errorf("opened %d times, want a second device beside the hung one", n)
		}
		want := []Stats{{Bus: "/dev/i2c-1", Transactions: 2, Errors: 1, Abandoned: 1, Hung: 1}}
		if diff := cmp.Diff(want, b.Stats()); diff != "" {
			t.Errorf("while it hangs (-want +got):\n%s", diff)
		}

		release()
		synctest.Wait()
		if !bytes.Equal(r, []byte{1, 2, 3}) {
			t.Errorf("the abandoned transaction wrote %x into its caller's buffer", r)
		}
		if n := h.closed.Load(); n != 1 {
			t.Errorf("%d devices closed, want the one that came back", n)
		}
		want[0].Hung = 0
		if diff := cmp.Diff(want, b.Stats()); diff != "" {
			t.Errorf("after it came back (-want +got):\n%s", diff)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAbandonedTransactionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck, release := hang()
		h := &host{tx: stuck}
		b := on(h)
		bus := mustI2C(t, b, "1")
		for range maxHung {
			if err := bus.Tx(0x76, []byte{0}, nil); err == nil {
				t.Fatal("a hung transaction succeeded")
			}
		}
		h.set(func() { h.tx = echo })
		start := time.Now()
		err := bus.Tx(0x76, []byte{0}, nil)
		if err == nil || !strings.Contains(err.Error(), "4 transactions hang already") {
			t.Errorf("beyond the bound: error %v", err)
		}
		if waited := time.Since(start); waited != 0 || h.opened() != maxHung {
			t.Errorf("beyond the bound it took %v and opened %d devices, want 0s and %d", waited, h.opened(), maxHung)
		}
		release()
		synctest.Wait()
		if err := bus.Tx(0x76, []byte{0}, nil); err != nil {
			t.Errorf("after they came back: %v", err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if opened, closed := h.opened(), int(h.closed.Load()); opened != closed {
			t.Errorf("%d devices opened, %d closed", opened, closed)
		}
	})
}

// Callers who wait behind a hung transaction wait for it, not for ever; a
// hung bus does not hold up another.
func TestCallersBehindAHungTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck, release := hang()
		h := &host{tx: func(addr uint16, w, r []byte) error {
			if addr == 0x10 {
				return stuck(addr, w, r)
			}
			return echo(addr, w, r)
		}}
		b := on(h)
		start := time.Now()
		var callers sync.WaitGroup
		callers.Go(func() {
			if err := mustI2C(t, b, "1").Tx(0x10, []byte{0}, nil); err == nil {
				t.Error("a hung transaction succeeded")
			}
		})
		synctest.Wait()
		callers.Go(func() {
			if err := mustI2C(t, b, "3").Tx(0x76, []byte{0}, nil); err != nil || time.Since(start) != 0 {
				t.Errorf("the other bus: %v after %v", err, time.Since(start))
			}
		})
		for range 3 {
			callers.Go(func() {
				if err := mustI2C(t, b, "1").Tx(0x76, []byte{0}, nil); err != nil {
					t.Error(err)
				}
				if waited := time.Since(start); waited != txTimeout {
					t.Errorf("waited %v, want %v", waited, txTimeout)
				}
			})
		}
		callers.Wait()
		release()
		if err := b.Close(); err != nil && !strings.Contains(err.Error(), "hung transactions") {
			t.Error(err)
		}
	})
}

func TestOpeningThatHangsIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{tx: echo}
		b := on(h)
		free := make(chan struct{})
		b.openI2C = func(int) (device, error) { <-free; return h.open(setup{}) }
		if err := mustI2C(t, b, "1").Tx(0x76, []byte{0}, nil); err == nil {
			t.Error("no error")
		}
		close(free)
		synctest.Wait()
		if h.opened() != 1 || h.closed.Load() != 1 {
			t.Errorf("the device that came too late: opened %d, closed %d times", h.opened(), h.closed.Load())
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck, release := hang()
		h := &host{tx: stuck}
		b := on(h)
		bus := mustI2C(t, b, "1")
		var callers sync.WaitGroup
		for range 3 {
			callers.Go(func() {
				if err := bus.Tx(0x76, []byte{0}, nil); err == nil {
					t.Error("a hung transaction succeeded")
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		if err := b.Close(); err == nil || !strings.Contains(err.Error(), "close /dev/i2c-1: hung transactions: 1") {
			t.Errorf("close: %v", err)
		}
		if took := time.Since(start); took > closeTimeout {
			t.Errorf("Close took %v", took)
		}
		callers.Wait()
		release()
	})
}

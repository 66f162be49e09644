package bus

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"sensor-agent/internal/recording"
)

// A recorder hears of all buses: what was done, how it ended, how long it took,
// in order for each chip.
func TestRecorderHearsOfEveryTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{tx: func(addr uint16, w, r []byte) error {
			time.Sleep(time.Millisecond)
			return echo(addr, w, r)
		}}
		b := on(h)
		var heard []string
		b.Record(func(x recording.Transaction) {
			heard = append(heard, fmt.Sprintf("%v %s %#x: %x, %x of %d in %v, %v", x.At, x.Bus, x.Address, x.Written, x.Read, x.Asked, x.Took, x.Err))
		})
		one, three := mustI2C(t, b, ""), mustI2C(t, b, "/dev/i2c-3")
		if err := one.Tx(0x76, []byte{0xD0}, make([]byte, 2)); err != nil {
			t.Error(err)
		}
		if err := three.Tx(0x23, []byte{1, 2}, nil); err != nil {
			t.Error(err)
		}
		c := connect(t, b, "0.1", setup{physic.MegaHertz, spi.Mode0, 8})
		if err := c.Tx([]byte{1, 2}, make([]byte, 2)); err != nil {
			t.Error(err)
		}
		stuck, release := hang()
		h.set(func() { h.tx = stuck })
		if err := one.Tx(0x76, []byte{0xF7}, make([]byte, 8)); err == nil {
			t.Error("a hung transaction succeeded")
		}
		want := []string{
			"0s i2c-1 0x76: d0, a6a7 of 2 in 1ms, <nil>",
			"1ms i2c-3 0x23: 0102,  of 0 in 1ms, <nil>",
			"2ms spi-0.1 0x0: 0102, 0103 of 2 in 1ms, <nil>",
			"3ms i2c-1 0x76: f7,  of 8 in 2s, no answer for 2s: ",
		}
		if len(heard) == len(want) {
			heard[3] = heard[3][:min(len(heard[3]), len(want[3]))] // the advice is not of interest
		}
		if diff := cmp.Diff(want, heard); diff != "" {
			t.Errorf("heard (-want +got):\n%s", diff)
		}
		release()
		synctest.Wait()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

// tape records the transactions on buses into a file, until stop is called.
func tape(t *testing.T, b *Buses, path string) (stop func()) {
	t.Helper()
	w, err := recording.Create(path, recording.Head{})
	if err != nil {
		t.Fatal(err)
	}
	b.Record(w.Record)
	return func() {
		if _, _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What a recorded bus said is said again, errors of each kind included, by
// buses that have nothing but the file.
func TestReplaySaysWhatTheBusSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "buses.rec")
		h := &host{tx: echo}
		live := on(h)
		stop := tape(t, live, path)
		stuck, release := hang()
		faults := []func(uint16, []byte, []byte) error{
			echo,
			func(addr uint16, _, _ []byte) error { return i2cError(addr, syscall.ENXIO) },
			func(addr uint16, _, _ []byte) error { return i2cError(addr, syscall.ETIMEDOUT) },
			func(uint16, []byte, []byte) error { return syscall.EIO },
			stuck,
		}
		ask := func(b *Buses, name string) string {
			bus, err := b.I2C(name)
			if err != nil {
				t.Fatal(err)
			}
			start, r := time.Now(), make([]byte, 2)
			err = bus.Tx(0x76, []byte{0xD0}, r)
			var is []bool
			for _, target := range []error{ErrStuck, syscall.ENXIO, syscall.ETIMEDOUT, syscall.EIO, syscall.ENODEV, fs.ErrNotExist} {
				is = append(is, errors.Is(err, target))
			}
			return fmt.Sprintf("%x in %v, %v %v", r, time.Since(start), is, err)
		}
		var before, after []string
		for _, h.tx = range faults {
			before = append(before, ask(live, "1"))
		}
		h.set(func() { h.missing = true })
		before = append(before, ask(live, "1"))
		stop()
		release()
		synctest.Wait()

		replaying := New(nil)
		for range before {
			after = append(after, ask(replaying, "replay:"+path))
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("(-live +replayed):\n%s", diff)
		}
		if err := errors.Join(live.Close(), replaying.Close()); err != nil {
			t.Error(err)
		}
	})
}

// Sensors of one recording share it, and a sensor that is opened anew goes on
// where it was. The buses of the machine are not touched.
func TestRecordingIsOpenedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "buses.rec")
		live := on(&host{tx: echo})
		defer live.Close()
		stop := tape(t, live, path)
		bus := mustI2C(t, live, "1")
		c := connect(t, live, "", setup{})
		for i := range byte(100) {
			for addr := range uint16(4) {
				if err := bus.Tx(addr, []byte{i}, make([]byte, 2)); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Tx([]byte{i}, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		stop()

		b := New(nil)
		b.access = func(path string) error { t.Error("reached for", path); return nil }
		second := filepath.Join(t.TempDir(), "second.rec")
		stop = tape(t, b, second)
		var callers sync.WaitGroup
		for addr := range uint16(4) {
			callers.Go(func() {
				for i := range byte(100) {
					r, want := make([]byte, 2), make([]byte, 2)
					_ = echo(addr, []byte{i}, want)
					if err := mustI2C(t, b, "replay:"+path+"#i2c-1").Tx(addr, []byte{i}, r); err != nil || !bytes.Equal(r, want) {
						t.Errorf("%d at %#x: %x, error %v", i, addr, r, err)
					}
				}
			})
		}
		callers.Go(func() {
			for i := range byte(100) {
				if err := connect(t, b, "replay:"+path, setup{}).Tx([]byte{i}, make([]byte, 1)); err != nil {
					t.Error(err)
				}
			}
		})
		callers.Wait()
		stop()
		if stats := b.Stats(); len(stats) != 0 {
			t.Errorf("buses of the machine: %+v", stats)
		}
		// The recorder heard of it by the names that the buses had.
		if _, err := New(nil).I2C("replay:" + second + "#i2c-1"); err != nil {
			t.Error(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if _, err := b.I2C("replay:" + path); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestRecordingThatCannotBeUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "late.rec")
		b := New(nil)
		defer b.Close()
		if _, err := b.I2C("replay:" + path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("no file: %v", err)
		}
		live := on(&host{tx: echo})
		defer live.Close()
		stop := tape(t, live, path)
		if err := mustI2C(t, live, "1").Tx(0x76, []byte{1}, nil); err != nil {
			t.Fatal(err)
		}
		stop()
		if _, err := b.SPI("replay:" + path); err == nil || !strings.Contains(err.Error(), "there is no SPI port in it") {
			t.Errorf("an SPI port of it: %v", err)
		}
		if _, err := b.I2C("replay:" + path); err != nil {
			t.Errorf("the file that has come: %v", err)
		}
	})
}

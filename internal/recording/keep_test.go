package recording

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Two sensors of a bus fail together: one recording tells of both, and one of
// each sensor is enough for a while.
func TestKeepTellsWhatHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlight(t)
		f.running(t)
		f.bus.Plug(0x76, newBME280())
		f.bus.Plug(0x77, newBME280())
		air, roof := f.session(t, "air", "bme280", 0x76), f.session(t, "roof", "bme280", 0x77)
		f.Keep("air", "not opened yet")
		f.Keep("nobody", "unknown")
		time.Sleep(time.Hour)
		air.tick()
		roof.tick()
		f.Keep("air", "nothing\nanswers")
		time.Sleep(time.Second)
		f.Keep("roof", "temp: suspect")
		f.Keep("air", "again")
		time.Sleep(settle - time.Second - time.Millisecond)
		if names := f.names(t); len(names) != 0 {
			t.Errorf("kept before the dust has settled: %q", names)
		}
		time.Sleep(time.Second)
		path := f.only(t)
		if want := "air-20000101T010003Z.rec"; filepath.Base(path) != want {
			t.Errorf("kept as %s, want %s", filepath.Base(path), want)
		}
		head, _, _ := strings.Cut(text(t, path), "\n0.000000")
		want := `sensor-agent recording 1
# made by sensor-agent v0, 2000-01-01T01:00:03Z
# air: nothing answers
# roof: temp: suspect
# To play it back, put it beside a configuration with
# sensors:
#   - {name: air, driver: bme280, bus: "replay:air-20000101T010003Z.rec"}
#   - {name: roof, driver: bme280, bus: "replay:air-20000101T010003Z.rec"}
# Each line: when it began (s), the bus, the chip, what was written and read, how long it took (s)`
		if diff := cmp.Diff(want, head); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for _, c := range []struct {
			address uint16
			live    *session
		}{{0x76, air}, {0x77, roof}} {
			again := newSession(planOf(t, "bme280"), replayed(t, path, ""), c.address)
			again.tick()
			if diff := cmp.Diff(values(c.live.log), values(again.log)); diff != "" {
				t.Errorf("chip at %#x (-session +replay):\n%s", c.address, diff)
			}
		}
		synctest.Wait()
		if strings.Count(f.log.String(), "\n") != 1 || !strings.Contains(f.log.String(), "sensor=air bus=i2c-1 path="+path) {
			t.Errorf("log:\n%s", f.log.String())
		}
		f.Keep("roof", "again")
		time.Sleep(pause - time.Minute)
		f.Keep("air", "again")
		time.Sleep(time.Minute)
		f.only(t)
		f.Keep("air", "again")
		time.Sleep(settle)
		synctest.Wait()
		if names := f.names(t); len(names) != 2 {
			t.Errorf("after the pause: %q", names)
		}
	})
}

func TestRecordingsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlight(t)
		f.running(t)
		f.bus.Plug(0x76, newBME280())
		f.session(t, "air", "bme280", 0x76).tick()
		if err := os.MkdirAll(f.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		other := filepath.Join(f.dir, "notes.txt")
		if err := os.WriteFile(other, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 * maxKept {
			f.Keep("air", "again")
			time.Sleep(pause)
		}
		synctest.Wait()
		names := f.names(t)
		if len(names) != maxKept+1 || names[0] != "air-20000101T012003Z.rec" || names[maxKept] != "notes.txt" {
			t.Errorf("kept %q, want the last %d", names, maxKept)
		}
	})
}

// A disk that fails costs the recording and nothing else; what waits when the
// agent ends is written before.
func TestKeepAtTheEndAndOnABadDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlight(t)
		if err := os.WriteFile(filepath.Dir(f.dir), nil, 0o600); err != nil { // where a folder should be
			t.Fatal(err)
		}
		f.bus.Plug(0x76, newBME280())
		f.session(t, "air", "bme280", 0x76).tick()
		stop := f.running(t)
		f.Keep("air", "no disk")
		time.Sleep(time.Minute)
		synctest.Wait()
		if !strings.Contains(f.log.String(), "level=WARN msg=\"what went over the bus cannot be kept\" sensor=air bus=i2c-1 err=") {
			t.Errorf("log:\n%s", f.log.String())
		}
		if err := os.Remove(filepath.Dir(f.dir)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(pause)
		f.Keep("air", "the end")
		synctest.Wait()
		stop()
		if !strings.Contains(text(t, f.only(t)), "# air: the end\n") {
			t.Error("what waited was not kept")
		}
	})
}

func TestKeepNeverBlocks(t *testing.T) {
	f := newFlight(t) // which does not run
	for range 1000 {
		f.Keep("air", "again")
	}
	nowhere := NewRecorder("", "v0", nil)
	nowhere.Keep("air", "again")
	if len(nowhere.edges) != 0 {
		t.Error("without a folder something is to be kept")
	}
}

// After a boot without a clock what is kept seems older than what is there. It
// is the latest all the same.
func TestKeptWithoutAClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlight(t)
		f.running(t)
		f.bus.Plug(0x76, newBME280())
		f.session(t, "air", "bme280", 0x76).tick()
		if err := os.MkdirAll(f.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		later := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
		for i := range maxKept {
			path := filepath.Join(f.dir, strings.Repeat("x", 1+i)+suffix)
			if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, later, later)); err != nil {
				t.Fatal(err)
			}
		}
		f.Keep("air", "again")
		time.Sleep(pause)
		synctest.Wait()
		names := f.names(t)
		if len(names) != maxKept || !strings.HasPrefix(names[0], "air-2000") {
			t.Errorf("kept %q", names)
		}
	})
}

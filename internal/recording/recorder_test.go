package recording

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/internal/chips"
)

// A flight is a bus with a recorder that watches the sensors on it.
type flight struct {
	*Recorder
	bus chips.Bus
	dir string
	log strings.Builder
}

func newFlight(t *testing.T) *flight {
	f := &flight{dir: filepath.Join(t.TempDir(), "state", "recordings")}
	f.Recorder = NewRecorder(f.dir, "v0", slog.New(slog.NewTextHandler(&f.log, nil)))
	return f
}

func (f *flight) session(t *testing.T, name, driver string, address uint16) *session {
	plan := f.Watch(name, "name: "+name+", driver: "+driver, planOf(t, driver))
	return newSession(plan, NewTap(f.Record).I2C("i2c-1", &f.bus), address)
}

// only returns the path of the only recording there is.
func (f *flight) only(t *testing.T) string {
	t.Helper()
	names := f.names(t)
	if len(names) != 1 {
		t.Fatalf("recordings %q, want one", names)
	}
	return filepath.Join(f.dir, names[0])
}

func (f *flight) names(t *testing.T) []string {
	t.Helper()
	files, err := os.ReadDir(f.dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, file.Name())
	}
	return names
}

// running runs the recorder, in a bubble, until the function returned is called,
// or the test ends.
func (f *flight) running(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// After hours without trouble a chip fails. What is kept begins with how it was
// opened hours before, goes on with the last readings, and can be played back.
func TestFlightRecordingCanBeReplayed(t *testing.T) {
	for _, driver := range []string{"bme280", "bme680"} { // the BME680's requests depend on what it read
		t.Run(driver, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFlight(t)
				f.running(t)
				set := f.plug(driver)
				live := f.session(t, "air", driver, 0x76)
				for i := range 700 {
					set(i)
					live.tick()
					time.Sleep(time.Second)
				}
				f.bus.Fault(func(uint16, []byte, []byte) error { return fmt.Errorf("nothing answers at 0x76: %w", syscall.ENXIO) })
				live.tick()
				f.Keep("air", "nothing answers")
				live.tick()
				time.Sleep(time.Minute)

				again := newSession(planOf(t, driver), replayed(t, f.only(t), ""), 0x76)
				ended := func() bool { return len(again.log) > 0 && strings.Contains(again.log[len(again.log)-1], "has ended") }
				for range live.log {
					if again.tick(); ended() {
						break
					}
				}
				got := values(again.log)
				got = got[:len(got)-1]
				if len(got) < 50 || !ended() {
					t.Fatalf("replayed %d readings, the first and the last\n%s\n%s", len(got), again.log[0], again.log[len(got)])
				}
				if diff := cmp.Diff(values(live.log)[len(live.log)-len(got):], got); diff != "" {
					t.Errorf("of the last readings (-session +replay):\n%s", diff)
				}
			})
		})
	}
}

// plug puts a driver's chip on the bus. The function returned changes what it
// measures.
func (f *flight) plug(driver string) func(i int) {
	if driver == "bme680" {
		c := newBME680()
		f.bus.Plug(0x76, c)
		return func(i int) {
			field := [17]byte(unhex("800049e7207a5b9054c800000090b30000"))
			field[5] += byte(i / 50) // of the temperature
			c.SetField(field)
		}
	}
	c := newBME280()
	f.bus.Plug(0x76, c)
	return func(i int) { c.SetRaw(519888+uint32(i), 415148, 30000) }
}

// values are the lines of a session without their times.
func values(log []string) []string {
	var list []string
	for _, line := range log {
		_, what, _ := strings.Cut(line, ":")
		list = append(list, what)
	}
	return list
}

// What is kept can be replayed at whatever point of a sensor's life: with
// failures, and openings that failed, before and after the chip was last well.
func TestHistoryAtEachPoint(t *testing.T) {
	const reading, opening = 7, 5
	life := func(h *history, n *int, m mark, count int) {
		h.next = m
		for range count {
			*n++
			h.add(Transaction{At: time.Duration(*n), Written: []byte{byte(m), byte(*n), byte(*n >> 8)}, Asked: 1, Read: []byte{1}})
		}
	}
	h, n := newHistory(), 0
	for i := range 700 {
		switch {
		case i%150 == 0, i > 300 && i < 304, i > 450 && i < 570: // opened, or in vain
			life(h, &n, opens, opening)
		default:
			life(h, &n, reads, reading)
		}
		list := h.kept(place{"i2c-1", 0x76})
		if last := list[len(list)-1]; last.At != time.Duration(n) {
			t.Fatalf("step %d: the last is %v, not %v", i, last.At, n)
		}
		if len(list) < min(n, recentEntries-reading) {
			t.Fatalf("step %d: %d transactions are kept", i, len(list))
		}
		if list[0].Written[0] != byte(opens) {
			t.Fatalf("step %d: begins with %x", i, list[0].Written)
		}
		for j, x := range list[1:] {
			before := list[j]
			missing := uint64(x.At - before.At - 1)
			if x.Missing != missing || missing > 0 && x.Written[0] != byte(reads) {
				t.Fatalf("step %d: %v with %x comes after %v, missing %d", i, x.At, x.Written, before.At, x.Missing)
			}
			if missing > 0 && (j+1 != opening || before.Written[0] != byte(opens)) {
				t.Fatalf("step %d: the gap comes after %d transactions, the last with %x", i, j+1, before.Written)
			}
		}
	}
}

func TestOpeningsTooLongAreNotKept(t *testing.T) {
	h := newHistory()
	add := func(m mark, count int) {
		h.next = m
		for range count {
			h.add(Transaction{Written: []byte{byte(m)}})
		}
	}
	add(opens, 2)
	add(reads, 2*recentEntries)
	add(opens, openingEntries+1)
	add(reads, 2*recentEntries)
	list := h.kept(place{})
	const missing = 2*recentEntries + openingEntries + 1 + recentEntries
	if len(list) != 2+recentEntries || list[0].Written[0] != byte(opens) || list[2].Missing != missing {
		t.Errorf("kept %d transactions, with a gap of %d, want %d", len(list), list[2].Missing, missing)
	}
}

func TestRecordAllocatesNothing(t *testing.T) {
	f := newFlight(t)
	x := Transaction{Bus: "i2c-1", Address: 0x76, Written: make([]byte, 1), Asked: 8, Read: make([]byte, 8)}
	h := f.history(x.place())
	for range recentEntries {
		f.Record(x)
	}
	n := 0
	if allocs := testing.AllocsPerRun(2000, func() {
		if n++; n%10 == 0 {
			h.next = opens // and in vain
		}
		f.Record(x)
	}); allocs != 0 {
		t.Errorf("%v allocations per transaction", allocs)
	}
}

// The flight recorder always runs: what it adds to a transaction, its clock
// readings included, against one of 300 µs at the least on a real bus.
func BenchmarkTappedTransaction(b *testing.B) {
	var bus idle
	tapped := NewTap(NewRecorder("x", "v0", slog.New(slog.DiscardHandler)).Record).I2C("i2c-1", bus)
	w, r := []byte{0xF7}, make([]byte, 13)
	b.ReportAllocs()
	for b.Loop() {
		if err := tapped.Tx(0x76, w, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	r := NewRecorder("x", "v0", slog.New(slog.DiscardHandler))
	x := Transaction{Bus: "i2c-1", Address: 0x76, Written: []byte{0xF7}, Asked: 13, Read: make([]byte, 13)}
	b.ReportAllocs()
	for b.Loop() {
		r.Record(x)
	}
}

// An idle bus does nothing.
type idle struct{ *chips.Bus }

func (idle) Tx(uint16, []byte, []byte) error { return nil }

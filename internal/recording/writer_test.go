package recording

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWriterWritesAWholeFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "two buses.rec")
		w, err := Create(path, Head{
			Version: "v0", Made: time.Now(), Notes: []string{"for a test"},
			Sensors: []Sensor{{"i2c-1", "driver: sht4x"}, {"spi-0.0", "driver: mcp3008, channels: [{channel: 0}]"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		w.Record(Transaction{Bus: "i2c-1", Address: 0x44, Written: []byte{0xFD}, Took: 300 * us})
		time.Sleep(time.Second)
		const head = `sensor-agent recording 1
# made by sensor-agent v0, 2000-01-01T00:00:00Z
# for a test
# To play it back, put it beside a configuration with
# sensors:
#   - {driver: sht4x, bus: "replay:two buses.rec#i2c-1"}
#   - {driver: mcp3008, channels: [{channel: 0}], bus: "replay:two buses.rec#spi-0.0"}
# Each line: when it began (s), the bus, the chip, what was written and read, how long it took (s)
0.000000 i2c-1 0x44 write=fd took=0.000300
`
		if diff := cmp.Diff(head, text(t, path)); diff != "" {
			t.Errorf("while it records (-want +got):\n%s", diff)
		}
		w.Record(Transaction{At: time.Second, Bus: "spi-0.0", Asked: 2, Err: errors.New("gone"), Took: 40 * us})
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		recorded, failed, err := w.Close()
		if recorded != 2 || failed != 1 || err != nil {
			t.Errorf("%d recorded, %d failed, error %v", recorded, failed, err)
		}
		const whole = head + "1.000000 spi-0.0 asked=2 took=0.000040 error=\"gone\"\n# the end, 2000-01-01T00:00:01Z: 2 transactions, 1 failed\n"
		if diff := cmp.Diff(whole, text(t, path)); diff != "" {
			t.Errorf("at the end (-want +got):\n%s", diff)
		}
	})
}

// What a recording holds when it cannot go on is whole, and its owner is told.
func TestWriterEndsEarly(t *testing.T) {
	long := Transaction{Bus: "i2c-1", Written: make([]byte, maxLength)}
	for _, c := range []struct {
		name, says string
		record     func(w *Writer)
		atLeast    int
	}{
		{"slow disk", "the disk does not keep up", func(w *Writer) {
			for range 100 {
				w.Record(long)
			}
		}, maxBacklog / (2*maxLength + 100)},
		{"long", "the recording has 64 MiB", func(w *Writer) {
			for range maxFile/(2*maxLength) + 1 {
				w.Record(long)
				if err := w.flush(); err != nil {
					return
				}
			}
		}, maxFile / (2*maxLength + 100)},
	} {
		w, path := recorded(t)
		c.record(w)
		if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
		n, _, err := w.Close()
		if n < c.atLeast || err != nil {
			t.Errorf("%s: %d recorded, error %v", c.name, n, err)
		}
		p, err := Open(path)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := len(p.tracks[place{"i2c-1", 0}].steps); got != n {
			t.Errorf("%s: %d transactions are in the file, not %d", c.name, got, n)
		}
	}
}

func TestWriterOfManyCallers(t *testing.T) {
	w, path := recorded(t)
	ctx, cancel := context.WithCancel(t.Context())
	var owner, callers sync.WaitGroup
	owner.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	for i := range 4 {
		callers.Go(func() {
			for n := range 1000 {
				w.Record(Transaction{Bus: "i2c-1", Address: uint16(i), Written: []byte{byte(n), byte(n >> 8)}})
			}
		})
	}
	callers.Wait()
	cancel()
	owner.Wait()
	finish(t, w)
	p, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint16(4) {
		for n := range 1000 {
			if _, err := p.tracks[place{"i2c-1", i}].take([]byte{byte(n), byte(n >> 8)}, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestCreateWhereNothingCanBe(t *testing.T) {
	_, err := Create(filepath.Join(t.TempDir(), "none", "air.rec"), Head{})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "creating the recording") {
		t.Errorf("got %v", err)
	}
}

package recording

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"sensor-agent/internal/chips"
)

// A BME280 is read every second. At the third reading it does not acknowledge,
// at the fourth a bit flips, at the sixth it browns out, at the eighth the bus
// hangs. The replay gives the same readings, bit for bit, the same errors, all
// at the same times.
func TestReplayIsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := newBME280()
		var bus chips.Bus
		bus.Plug(0x76, chip)
		w, path := recorded(t)
		live := newSession(planOf(t, "bme280"), NewTap(w.Record).I2C("i2c-1", &bus), 0x76)

		tick, n := 0, 0
		bus.Fault(func(_ uint16, w, r []byte) error {
			time.Sleep(300*us + time.Duration(len(w)+len(r))*90*us)
			n++
			switch {
			case tick == 3:
				return fmt.Errorf("nothing answers at 0x76: %w", syscall.ENXIO)
			case tick == 4 && n == 2:
				r[len(r)-1] ^= 0x10
			case tick == 8 && n == 1:
				time.Sleep(2 * time.Second)
				return errors.New("no answer for 2s: the bus is stuck")
			}
			return nil
		})
		for tick = 1; tick <= 10; tick++ {
			n = 0
			chip.SetRaw(519888+uint32(tick)*77, 415148-uint32(tick)*31, 30000+uint16(tick)*13)
			if tick == 6 {
				time.AfterFunc(5*ms, chip.Reset)
			}
			live.tick()
			time.Sleep(time.Second)
		}
		finish(t, w)
		for i, want := range map[int]string{2: "errno 6", 5: "has lost its settings", 7: "no answer for 2s"} {
			if !strings.Contains(live.log[i], want) {
				t.Errorf("the session was to have %q, got %s", want, live.log[i])
			}
		}

		again := newSession(planOf(t, "bme280"), replayed(t, path, ""), 0x76)
		for range 10 {
			again.tick()
			time.Sleep(time.Second)
		}
		if diff := cmp.Diff(live.log, again.log); diff != "" {
			t.Errorf("(-session +replay):\n%s", diff)
		}
		again.tick()
		if last := again.log[10]; !strings.Contains(last, "the recording air.rec has ended: line ") {
			t.Errorf("after the end: %s", last)
		}
	})
}

// The recording of a replay is the recording.
func TestRecordingOfAReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bus chips.Bus
		bus.Plug(0x76, newBME280())
		bus.Fault(func(uint16, []byte, []byte) error { time.Sleep(700 * us); return nil })
		w, path := recorded(t)
		live := newSession(planOf(t, "bme280"), NewTap(w.Record).I2C("i2c-1", &bus), 0x76)
		for range 3 {
			live.tick()
		}
		bus.Plug(0x76, nil)
		live.tick()
		finish(t, w)

		w, second := recorded(t)
		again := newSession(planOf(t, "bme280"), NewTap(w.Record).I2C("i2c-1", replayed(t, path, "i2c-1")), 0x76)
		for range 9 {
			again.tick() // beyond the end
		}
		finish(t, w)
		if diff := cmp.Diff(text(t, path), text(t, second)); diff != "" {
			t.Errorf("(-recording +recording of the replay):\n%s", diff)
		}
	})
}

func TestReplayOfSPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewMCP3xxx(10, 8)
		var port chips.Port
		port.Plug(chip)
		w, path := recorded(t)
		tapped := NewTap(w.Record).SPI("spi-0.1", &port)
		convert := func(p spi.Port) string {
			c, err := p.Connect(physic.MegaHertz, spi.Mode0, 8)
			if err != nil {
				t.Fatal(err)
			}
			r := make([]byte, 3)
			err = c.Tx([]byte{1, 0x80, 0}, r)
			return fmt.Sprintf("%x %v", r, err)
		}
		chip.Set(0, 512)
		first := convert(tapped)
		chip.Set(0, 700)
		second := convert(tapped)
		finish(t, w)

		p, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		port2, err := p.SPI("")
		if err != nil {
			t.Fatal(err)
		}
		if got := []string{convert(port2), convert(port2)}; got[0] != first || got[1] != second {
			t.Errorf("replayed %q, recorded %q, %q", got, first, second)
		}
		if _, err := p.I2C(""); err == nil || !strings.Contains(err.Error(), "there is no I2C bus in it") {
			t.Errorf("an I2C bus of it: %v", err)
		}
	})
}

const someBuses = magic + version + `
# a comment
0.000000 i2c-1 0x76 write=d0 read=60 took=0.000412

0.100000 i2c-3 0x76 write=d0 read=58 took=0.000412
0.200000 i2c-1 0x23 write=01 took=0.000200 errno=121 error="nothing answers at 0x23: remote I/O error"
0.300000 spi-0.0 write=018000 read=000200 took=0.000050
0.400000 i2c-1 0x76 write=f7 asked=2 took=0.010000 error="no answer"
0.500000 i2c-1 0x76 missing=7 write=f42500 took=0.000300
`

func parsed(t *testing.T, text string) *Replay {
	t.Helper()
	path := filepath.Join(t.TempDir(), "some.rec")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestReplayAnswersEachChipInOrder(t *testing.T) {
	p := parsed(t, someBuses)
	one, err := p.I2C("i2c-1")
	if err != nil {
		t.Fatal(err)
	}
	three, err := p.I2C("i2c-3")
	if err != nil {
		t.Fatal(err)
	}
	r := []byte{0xEE}
	if err := three.Tx(0x76, []byte{0xD0}, r); err != nil || r[0] != 0x58 {
		t.Errorf("bus 3 reads %x, error %v", r, err)
	}
	if err := one.Tx(0x23, []byte{1}, nil); !errors.Is(err, syscall.Errno(121)) || err.Error() != "nothing answers at 0x23: remote I/O error" {
		t.Errorf("the chip that did not answer: %v", err)
	}
	if err := one.Tx(0x76, []byte{0xD0}, r); err != nil || r[0] != 0x60 {
		t.Errorf("bus 1 reads %x, error %v", r, err)
	}
	if err := one.Tx(0x76, []byte{0xF7}, make([]byte, 2)); err == nil || err.Error() != "no answer" {
		t.Errorf("the transaction that failed: %v", err)
	}
	if err := one.Tx(0x76, []byte{0xF4, 0x27, 0}, nil); err != nil {
		t.Errorf("another setting of the same register after a gap: %v", err)
	}
	if err := one.Tx(0x77, []byte{0xD0}, r); err == nil || err.Error() != "the recording some.rec has nothing with a chip at 0x77 on i2c-1" {
		t.Errorf("a chip that is not in it: %v", err)
	}
	for _, c := range []struct{ bus, says string }{
		{"", "it has i2c-1, i2c-3: say which by adding #i2c-1"},
		{"i2c-2", "there is no i2c-2 in it, but i2c-1, i2c-3"},
	} {
		if _, err := p.I2C(c.bus); err == nil || !strings.HasSuffix(err.Error(), c.says) {
			t.Errorf("bus %q: %v, want %q", c.bus, err, c.says)
		}
	}
}

// A driver that asks for something else is told where, and no more answers:
// they would not be to its questions.
func TestReplayLeftByItsDriver(t *testing.T) {
	for _, c := range []struct {
		w     []byte
		asked int
		says  string
	}{
		{[]byte{0xD1}, 1, "line 3 writes d0 and reads 1 bytes, the driver writes d1 and reads 1 bytes"},
		{[]byte{0xD0}, 2, "line 3 writes d0 and reads 1 bytes, the driver writes d0 and reads 2 bytes"},
		{[]byte{0xF4, 0x25}, 0, "the driver writes f425"},
		{nil, 1, "the driver reads 1 bytes"},
	} {
		bus, err := parsed(t, someBuses).I2C("i2c-1")
		if err != nil {
			t.Fatal(err)
		}
		first := bus.Tx(0x76, c.w, make([]byte, c.asked))
		if first == nil || !strings.Contains(first.Error(), c.says) || !strings.Contains(first.Error(), "some.rec goes on otherwise") {
			t.Errorf("%x, %d bytes: %v, want %q", c.w, c.asked, first, c.says)
		}
		if err := bus.Tx(0x76, []byte{0xD0}, make([]byte, 1)); !errors.Is(err, first) {
			t.Errorf("the next transaction: %v, want what is wrong with the first", err)
		}
		if err := bus.Tx(0x23, []byte{1}, nil); !errors.Is(err, syscall.Errno(121)) {
			t.Errorf("another chip: %v", err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(text string) string {
		path := filepath.Join(dir, fmt.Sprintf("%x.rec", len(text)))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"):           "no such file or directory: name one that is there",
		dir:                                  "is no recording: that is a file of up to 64 MiB",
		file(""):                             "the file is empty",
		file("PK\x03\x04"):                   `line 1: it has to be "sensor-agent recording 1": this file is no recording`,
		file(magic + "22\n"):                 `line 1: the recording has format "22", and this version of sensor-agent knows 1 only: update it`,
		file(magic + version + "\n# none\n"): "there is no transaction in it",
		file(magic + version + "\n\nx\n"):    `line 3: "x" is not a time`,
		file(magic + version + "\n" + strings.Repeat("a", maxLine)): "line 2: it has more than 65536 bytes",
	} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", filepath.Base(path), err, want)
		}
	}
}

// A recording in memory takes what its bytes take, and not its text, which is
// more than twice as long.
func TestReplayHoldsNoText(t *testing.T) {
	var b strings.Builder
	b.WriteString(magic + version + "\n")
	const count = 500
	line := appendLine(nil, Transaction{Bus: "i2c-1", Written: make([]byte, maxLength)})
	for range count {
		b.Write(line)
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	p, err := newReplay("long.rec", strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if held := heap() - before; held > count*maxLength*3/2 {
		t.Errorf("holds %d bytes for %d", held, count*maxLength)
	}
	runtime.KeepAlive(p)
	runtime.KeepAlive(&b)
}

package recording

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"periph.io/x/conn/v3/i2c"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
	"sensor-agent/sensors/catalog"
)

const (
	ms = time.Millisecond
	us = time.Microsecond
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// newBME280 is a chip with the datasheet's own calibration.
func newBME280() *chips.BME280 {
	c := chips.NewBME280([26]byte(unhex("706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017004b")), [7]byte(unhex("6a01001323031e")))
	c.SetRaw(519888, 415148, 30000)
	return c
}

func newBME680() *chips.BME680 {
	c := chips.NewBME680(chips.BME680Variant, [23]byte(unhex("a1670300c0920ed8589b03220dff361e66275df53ff11e")),
		[14]byte(unhex("3ea42b002d14789c406520e0cb12")), [5]byte(unhex("15b007f4fa")))
	c.SetField([17]byte(unhex("800049e7207a5b9054c800000090b30000")))
	return c
}

// planOf is a driver's plan with its default options.
func planOf(t testing.TB, driver string) sensors.Plan {
	t.Helper()
	for _, d := range catalog.Drivers() {
		if d.Name == driver {
			plan, err := d.Configure(func(any) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			return plan
		}
	}
	t.Fatalf("no driver %s", driver)
	return sensors.Plan{}
}

// A session is a sensor that is read again and again, opened when that is
// needed, and closed after each failure: what the sampler does, in short. Its
// log is all that a sampler could notice, to the last bit.
type session struct {
	plan   sensors.Plan
	wire   sensors.Wire
	sensor sensors.Sensor
	start  time.Time
	log    []string
}

func newSession(plan sensors.Plan, bus i2c.Bus, address uint16) *session {
	return &session{
		plan:  plan,
		wire:  sensors.Wire{I2C: bus, Address: address, Log: slog.New(slog.DiscardHandler)},
		start: time.Now(),
	}
}

func (s *session) tick() {
	reading, err := s.read()
	var b strings.Builder
	fmt.Fprintf(&b, "%v:", time.Since(s.start))
	for _, m := range reading {
		fmt.Fprintf(&b, " %016x", math.Float64bits(m.Value))
	}
	if err != nil {
		var errno syscall.Errno
		for _, e := range []syscall.Errno{syscall.ENXIO, syscall.EIO, syscall.ETIMEDOUT, syscall.ENODEV} {
			if errors.Is(err, e) {
				errno = e
			}
		}
		fmt.Fprintf(&b, " errno %d: %v", errno, err)
	}
	s.log = append(s.log, b.String())
}

func (s *session) read() (sensors.Reading, error) {
	if s.sensor == nil {
		opened, err := s.plan.Open(context.Background(), s.wire)
		if err != nil {
			return nil, err
		}
		s.sensor = opened
	}
	reading, err := s.sensor.Read(context.Background())
	if err != nil {
		_ = s.sensor.Close()
		s.sensor = nil
	}
	return reading, err
}

// recorded writes what a tap hears to a file.
func recorded(t *testing.T) (w *Writer, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "air.rec")
	w, err := Create(path, Head{Version: "v0", Sensors: []Sensor{{Bus: "i2c-1", Keys: "name: air, driver: bme280"}}})
	if err != nil {
		t.Fatal(err)
	}
	return w, path
}

func finish(t *testing.T, w *Writer) {
	t.Helper()
	if _, _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func replayed(t *testing.T, path, bus string) i2c.Bus {
	t.Helper()
	p, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.I2C(bus)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// transactions returns the lines of a recording without their comments.
func transactions(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, magic) {
			list = append(list, strings.TrimSpace(line))
		}
	}
	return list
}

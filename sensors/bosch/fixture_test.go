package bosch

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"testing"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
)

// configured is the plan of a driver with its default options, changed by set
// unless that is nil.
func configured[O any](t testing.TB, driver string, set func(*O)) sensors.Plan {
	t.Helper()
	plan, err := driverNamed(t, driver).Configure(func(options any) error {
		if set != nil {
			set(options.(*O))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("configuring %s: %v", driver, err)
	}
	return plan
}

func driverNamed(t testing.TB, name string) sensors.Driver {
	t.Helper()
	for _, d := range Drivers() {
		if d.Name == name {
			return d
		}
	}
	t.Fatalf("no driver %q", name)
	return sensors.Driver{}
}

// A bench is a bus with a chip at 0x76, and the log of what is opened on it.
type bench struct {
	chips.Bus
	log bytes.Buffer
}

func newBench(c chips.Chip) *bench {
	b := &bench{}
	b.Plug(0x76, c)
	return b
}

func (b *bench) wire() sensors.Wire {
	return sensors.Wire{I2C: b, Address: 0x76, Log: slog.New(slog.NewTextHandler(&b.log, nil))}
}

// open opens the sensor of a plan, and closes it after the test.
func (b *bench) open(t testing.TB, plan sensors.Plan) sensors.Sensor {
	t.Helper()
	s, err := plan.Open(context.Background(), b.wire())
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// defaults is the plan of a driver with its default options.
func defaults(t testing.TB, driver string) sensors.Plan {
	return configured[struct{}](t, driver, nil)
}

// read is what a healthy sensor reads: NaN where a channel has no value.
func read(t testing.TB, s sensors.Sensor) []float64 {
	t.Helper()
	r, err := s.Read(context.Background())
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return values(t, r)
}

func values(t testing.TB, r sensors.Reading) []float64 {
	t.Helper()
	v := make([]float64, len(r))
	for i, m := range r {
		v[i] = m.Value
		if (m.Valid() && m.Quality == sensors.Good) == (m.Reason != "") {
			t.Errorf("measurement %d is %v with reason %q", i, m.Value, m.Reason)
		}
	}
	return v
}

// Calibration and results of one real-looking chip of each kind, and what they
// come to. The first are the datasheet's own example.
var (
	calib280  = [26]byte(unhex("706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017004b"))
	calib280H = [7]byte(unhex("6a01001323031e"))

	calib680A = [23]byte(unhex("a1670300c0920ed8589b03220dff361e66275df53ff11e"))
	calib680B = [14]byte(unhex("3ea42b002d14789c406520e0cb12"))
	calib680C = [5]byte(unhex("15b007f4fa"))

	calib688A = [23]byte(unhex("1d6603bff9889ad658a9c4185900211e8847a9fd72f71e"))
	calib688B = [14]byte(unhex("3f9735002d14789cd763d3c20912"))
	calib688C = [5]byte(unhex("419e56a810"))

	reading280 = []float64{25.08, 58504. / 1024, 25767233. / 25600}
	reading680 = []float64{27.35, 56.061, 1009.61, 952891}
	reading688 = []float64{29.53, 41.341, 1027.85, 197800}
)

func newBMP280() *chips.BME280 {
	c := chips.NewBMP280([24]byte(calib280[:24]))
	c.SetRaw(519888, 415148, 0)
	return c
}

func newBME280() *chips.BME280 {
	c := chips.NewBME280(calib280, calib280H)
	c.SetRaw(519888, 415148, 30000)
	return c
}

func newBME680() *chips.BME680 {
	c := chips.NewBME680(chips.BME680Variant, calib680A, calib680B, calib680C)
	c.SetField([17]byte(unhex("800049e7207a5b9054c800000090b30000")))
	return c
}

func newBME688() *chips.BME680 {
	c := chips.NewBME680(chips.BME688Variant, calib688A, calib688B, calib688C)
	c.SetField([17]byte(unhex("80005bf2c07af8a054f50000000000da38")))
	return c
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(fmt.Sprintf("%q: %v", s, err))
	}
	return b
}

var none = math.NaN()

package bosch

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
)

// deaf is a bus on which a number of writes that start a measurement get lost,
// and on which reading takes time.
type deaf struct {
	chips.Bus
	lost   int
	starts int
	slow   time.Duration
}

func (d *deaf) Tx(addr uint16, w, r []byte) error {
	if len(r) > 0 {
		time.Sleep(d.slow)
	} else if n := len(w); n > 1 && (w[n-2] == bmx280CtrlMeas || w[n-2] == bme68xCtrlMeas) && w[n-1]&modeMask == forced {
		d.starts++
		if d.lost > 0 {
			d.lost--
			return nil
		}
	}
	return d.Bus.Tx(addr, w, r)
}

// eachDeaf runs a test with each chip on a deaf bus, read once. change makes
// the chip measure something else than what want is.
func eachDeaf(t *testing.T, test func(t *testing.T, d *deaf, s sensors.Sensor, want float64, change func())) {
	for _, f := range families {
		t.Run(f.driver, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, c := &deaf{}, f.chip()
				d.Plug(0x76, c)
				s, err := defaults(t, f.driver).Open(t.Context(), sensors.Wire{I2C: d, Address: 0x76, Log: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				want := read(t, s)[0]
				d.starts = 0
				test(t, d, s, want, func() {
					switch c := c.(type) {
					case *chips.BME280:
						c.SetRaw(500000, 415148, 30000)
					case *chips.BME680:
						c.SetRaw(chips.BME680Raw{Temperature: 480000, Pressure: 302706, Humidity: 21704})
					}
				})
			})
		})
	}
}

func TestLostStartIsRepeated(t *testing.T) {
	eachDeaf(t, func(t *testing.T, d *deaf, s sensors.Sensor, before float64, change func()) {
		change()
		d.lost = 2
		if got := read(t, s)[0]; got == before || d.starts != 3 {
			t.Errorf("%v with %d starts, %v before; want another with 3", got, d.starts, before)
		}
	})
}

func TestNeverStarts(t *testing.T) {
	eachDeaf(t, func(t *testing.T, d *deaf, s sensors.Sensor, _ float64, _ func()) {
		d.lost = 1000
		if r, err := s.Read(t.Context()); !errors.Is(err, sensors.ErrIdle) || d.starts > 10 {
			t.Errorf("Read = %v, %v after %d starts; want %v", r, err, d.starts, sensors.ErrIdle)
		}
		d.lost = 0
		read(t, s)
	})
}

// A busy machine, or a slow bus, looks only when the measurement is over.
func TestSeenTooLate(t *testing.T) {
	eachDeaf(t, func(t *testing.T, d *deaf, s sensors.Sensor, before float64, change func()) {
		change()
		d.slow = time.Second
		if got := read(t, s)[0]; got == before || d.starts < 2 || d.starts > 10 {
			t.Errorf("%v after %d starts, %v before; want another, after some", got, d.starts, before)
		}
	})
}

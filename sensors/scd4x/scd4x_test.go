package scd4x

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
)

const address = 0x62

// plug opens a sensor on a bus with the chip.
func plug(t *testing.T, chip chips.Chip, o options) (sensors.Sensor, *chips.Bus, error) {
	t.Helper()
	bus := &chips.Bus{}
	bus.Plug(address, chip)
	s, err := reopen(t, bus, o)
	return s, bus, err
}

func reopen(t *testing.T, bus *chips.Bus, o options) (sensors.Sensor, error) {
	t.Helper()
	p, err := plan(o)
	if err != nil {
		t.Fatal(err)
	}
	return p.Open(t.Context(), sensors.Wire{I2C: bus, Address: address, Log: slog.New(slog.DiscardHandler)})
}

func TestRead(t *testing.T) {
	none := math.NaN()
	tests := map[string]struct {
		co2, temperature, humidity uint16
		want                       []float64
	}{
		"data sheet example": {0x01F4, 0x6667, 0x5EB9, []float64{500, 25, 37}},
		"freezing":           {0x01A4, 0x3A83, 0xFFFF, []float64{420, -5, 100}},
		"most CO2":           {0x9C40, 0x6667, 0x5EB9, []float64{40000, 25, 37}},
		"too much CO2":       {0x9C41, 0x6667, 0x5EB9, []float64{none, 25, 37}},
		"no CO2 value":       {0x0000, 0x6667, 0x5EB9, []float64{none, 25, 37}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chip := chips.NewSCD4x()
				chip.CO2, chip.Temperature, chip.Humidity = tt.co2, tt.temperature, tt.humidity
				s, _, err := plug(t, chip, options{})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(update)
				reading, err := s.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got := []float64{reading[0].Value, reading[1].Value, reading[2].Value}
				if diff := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 0.003), cmpopts.EquateNaNs()); diff != "" {
					t.Errorf("ppm, °C, %%RH (-want +got)\n%s", diff)
				}
			})
		})
	}
}

// A stream at any pace gets each measurement once as good, and between them the
// last one as stale, without being held up.
func TestReadDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewSCD4x()
		s, _, err := plug(t, chip, options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for second := range 14 {
			chip.CO2 = uint16(500 + second)
			start := time.Now()
			r, err := s.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > poll {
				t.Errorf("second %d: Read took %v", second, took)
			}
			if !r[0].Valid() {
				got = append(got, "none")
			} else {
				got = append(got, fmt.Sprint(r[0].Value, " ", r[0].Quality))
			}
			for _, m := range r {
				if m.Quality != r[0].Quality || (m.Reason == "") != (m.Valid() && m.Quality == sensors.Good) {
					t.Errorf("second %d: %+v", second, r)
				}
			}
			time.Sleep(time.Until(start.Add(time.Second)))
		}
		want := []string{
			"none", "none", "none", "none", "none",
			"505 good", "505 stale", "505 stale", "505 stale", "505 stale",
			"510 good", "510 stale", "510 stale", "510 stale",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ppm each second (-want +got)\n%s", diff)
		}
		// After a pause there is one to read.
		time.Sleep(time.Minute)
		if r, err := s.Read(t.Context()); err != nil || r[0].Quality != sensors.Good {
			t.Errorf("after a minute: %v, %v", r, err)
		}
	})
}

// Who sets a deadline gets the first measurement, if it comes before.
func TestReadAwaitsFirst(t *testing.T) {
	for limit, want := range map[time.Duration]time.Duration{20 * time.Second: update, 5 * time.Second: 0} {
		synctest.Test(t, func(t *testing.T) {
			s, _, err := plug(t, chips.NewSCD4x(), options{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			for _, want := range []time.Duration{want, 0} { // the first only
				start := time.Now()
				r, err := s.Read(ctx)
				if err != nil || r[0].Valid() != (limit > update) {
					t.Errorf("%v: %v, %v", limit, r, err)
				}
				if took := time.Since(start); took < want || took > want+2*poll {
					t.Errorf("%v: took %v, want %v", limit, took, want)
				}
			}
		})
	}
}

func TestOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewSCD4x()
		s, bus, err := plug(t, chip, options{Altitude: 1500})
		if err != nil {
			t.Fatal(err)
		}
		if chip.Altitude != 1500 {
			t.Errorf("altitude %d, want 1500", chip.Altitude)
		}
		// Left measuring by a program that died.
		if _, err := reopen(t, bus, options{}); err != nil {
			t.Errorf("opening a chip that measures: %v", err)
		}
		if chip.Altitude != 0 {
			t.Errorf("altitude %d, want 0", chip.Altitude)
		}
		// Opened again before the stop of Close has been carried out.
		if err := s.Close(); err != nil || chip.Measuring() {
			t.Errorf("after Close: error %v, measuring %v", err, chip.Measuring())
		}
		if _, err := reopen(t, bus, options{}); err != nil {
			t.Errorf("opening right after Close: %v", err)
		}
	})
}

func TestReadFails(t *testing.T) {
	flip := func(at int) func(*chips.SCD4x, *chips.Bus) {
		return func(_ *chips.SCD4x, bus *chips.Bus) {
			bus.Fault(func(_ uint16, _, r []byte) error {
				if len(r) > at {
					r[at] ^= 0x01
				}
				return nil
			})
		}
	}
	tests := map[string]func(*chips.SCD4x, *chips.Bus){
		"wrong checksum of the status": flip(1),
		"wrong checksum of humidity":   flip(7),
		"never ready":                  func(chip *chips.SCD4x, _ *chips.Bus) { chip.Update = math.MaxInt64 },
		"power lost":                   func(chip *chips.SCD4x, _ *chips.Bus) { chip.PowerCycle() },
		"all bits zero":                func(chip *chips.SCD4x, _ *chips.Bus) { chip.Temperature = 0 },
		"all bits one":                 func(chip *chips.SCD4x, _ *chips.Bus) { chip.Temperature = 0xFFFF },
	}
	for name, breakIt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chip := chips.NewSCD4x()
				s, bus, err := plug(t, chip, options{})
				if err != nil {
					t.Fatal(err)
				}
				breakIt(chip, bus)
				time.Sleep(patience + poll)
				start := time.Now()
				if reading, err := s.Read(t.Context()); err == nil {
					t.Errorf("got %v, want an error", reading)
				}
				if took := time.Since(start); took > poll {
					t.Errorf("took %v, longer than planned", took)
				}
			})
		})
	}
}

func TestReadEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, err := plug(t, chips.NewSCD4x(), options{})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		const patience = 1050 * time.Millisecond // ends between two polls
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		time.AfterFunc(patience, cancel)
		if _, err := s.Read(ctx); !errors.Is(err, context.Canceled) || time.Since(start) > patience+poll {
			t.Errorf("got %v after %v, want it canceled", err, time.Since(start))
		}
	})
}

func TestAltitudeOutOfRange(t *testing.T) {
	for _, altitude := range []int{-1, 3001} {
		var bad *sensors.OptionError
		if _, err := plan(options{Altitude: altitude}); !errors.As(err, &bad) || bad.Option != "altitude" {
			t.Errorf("%d m: got %v, want an error of altitude", altitude, err)
		}
	}
}

// Whatever comes over the wire is an error, no value, or a value the chip can
// have. Noise flips bits of what is read; without noise the checksums are
// right.
func FuzzRead(f *testing.F) {
	f.Add(uint16(500), uint16(0x6667), uint16(0x5EB9), []byte{})
	f.Add(uint16(0xFFFF), uint16(0xFFFF), uint16(0xFFFF), []byte{})
	f.Add(uint16(500), uint16(0x6667), uint16(0x5EB9), []byte{0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, co2, temperature, humidity uint16, noise []byte) {
		synctest.Test(t, func(t *testing.T) {
			chip := chips.NewSCD4x()
			chip.CO2, chip.Temperature, chip.Humidity = co2, temperature, humidity
			s, bus, err := plug(t, chip, options{})
			if err != nil {
				t.Fatal(err)
			}
			bus.Fault(func(_ uint16, _, r []byte) error {
				for i := range min(len(r), len(noise)) {
					r[i] ^= noise[i]
				}
				return nil
			})
			time.Sleep(update)
			reading, err := s.Read(t.Context())
			if err != nil {
				return
			}
			ranges := [][2]float64{{1, mostCO2}, {-45, 130}, {0, 100}}
			for i, m := range reading {
				if m.Valid() && (m.Value < ranges[i][0] || m.Value > ranges[i][1]) || !m.Valid() && m.Reason == "" {
					t.Errorf("raw %#x %#x %#x noise %x gave %v", co2, temperature, humidity, noise, reading)
				}
			}
		})
	})
}

package bh1750

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
	"sensor-agent/internal/chips/vectors"
	"sensor-agent/sensors"
)

const address = 0x23

func plugged(c chips.Chip) *chips.Bus {
	bus := new(chips.Bus)
	bus.Plug(address, c)
	return bus
}

func planned(o options) (sensors.Plan, error) {
	return Driver().Configure(func(target any) error {
		*target.(*options) = o
		return nil
	})
}

func opened(t *testing.T, bus *chips.Bus, o options) sensors.Sensor {
	t.Helper()
	plan, err := planned(o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := plan.Open(t.Context(), sensors.Wire{I2C: bus, Address: address, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var usual = options{Sensitivity: 69, Mode: "high"}

func TestDefaults(t *testing.T) {
	if got := Driver().Options(); got != usual {
		t.Errorf("default options %+v, want %+v", got, usual)
	}
}

// Each measurement of the reference, by the driver on a simulated chip: one
// that takes as long as any chip may.
func TestVectors(t *testing.T) {
	type row struct {
		ID        string
		Mode      string
		MTreg     int
		Set       []string `json:"mtreg_cmds"`
		Raw       uint16
		Lux       float64
		Longest   float64 `json:"max_ms"`
		Overrange bool
	}
	// In continuous mode the same is measured; there is no L-resolution here.
	modes := map[string]string{"0x10": modeHigh, "0x20": modeHigh, "0x11": modeHigh2, "0x21": modeHigh2}
	var compared int
	for _, r := range vectors.Rows[row](t, "bh1750") {
		mode, offered := modes[r.Mode]
		if !offered {
			continue
		}
		compared++
		synctest.Test(t, func(t *testing.T) {
			chip := chips.NewBH1750()
			chip.Set(r.Raw)
			bus := plugged(chip)
			var commands []string
			bus.Fault(func(_ uint16, w, _ []byte) error {
				commands = append(commands, fmt.Sprintf("%x", w))
				time.Sleep(500 * time.Microsecond) // more than 3 bytes at 100 kHz
				return nil
			})
			o := options{Sensitivity: r.MTreg, Mode: mode}
			plan, err := planned(o)
			if err != nil {
				t.Fatal(err)
			}
			s := opened(t, bus, o)
			commands = nil
			begin := time.Now()
			reading, err := s.Read(t.Context())
			if err != nil {
				t.Fatalf("%s: %v", r.ID, err)
			}
			if took := time.Since(begin); took > plan.Takes {
				t.Errorf("%s: took %v, planned %v", r.ID, took, plan.Takes)
			}
			if d := float64(measuringTime(r.MTreg))/1e6 - r.Longest; math.Abs(d) > 1e-5 {
				t.Errorf("%s: %v is the longest, want %v ms", r.ID, measuringTime(r.MTreg), r.Longest)
			}
			first := slices.Concat([]string{"01", "07", "01", "07"}, r.Set)
			if !slices.Equal(commands[:6], first) {
				t.Errorf("%s: commands %v, want %v first", r.ID, commands, first)
			}
			switch got := reading[0]; {
			case r.Overrange && (got.Valid() || got.Reason == ""):
				t.Errorf("%s: %+v out of range", r.ID, got)
			case !r.Overrange && !(math.Abs(got.Value-r.Lux) <= 1e-12*r.Lux):
				t.Errorf("%s: %+v, want %v lx", r.ID, got, r.Lux)
			}
		})
	}
	if compared == 0 {
		t.Error("no row of a mode of the driver's")
	}
}

// Fast or slow, the chip never gives the reading before.
func TestEachReadingIsNew(t *testing.T) {
	for _, mode := range []string{modeHigh, modeHigh2} {
		for _, sensitivity := range []int{31, 69, 254} {
			for _, speed := range []float64{1, 1.5, 2} {
				synctest.Test(t, func(t *testing.T) {
					chip := chips.NewBH1750()
					chip.Speed(speed)
					s := opened(t, plugged(chip), options{Sensitivity: sensitivity, Mode: mode})
					for raw := uint16(100); raw < 104; raw++ {
						chip.Set(raw)
						want := float64(raw) / 1.2 * 69 / float64(sensitivity)
						if mode == modeHigh2 {
							want /= 2
						}
						got, err := s.Read(t.Context())
						if err != nil || math.Abs(got[0].Value-want) > 1e-9 {
							t.Errorf("sensitivity %d, mode %s, speed %v: %v, %v; want %v lx", sensitivity, mode, speed, got, err, want)
						}
						if chip.Powered() {
							t.Error("awake between readings")
						}
					}
				})
			}
		}
	}
}

func TestTooBright(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewBH1750()
		chip.Set(65535)
		got, err := opened(t, plugged(chip), usual).Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got[0].Valid() || !strings.Contains(got[0].Reason, "54612 lx") || !strings.Contains(got[0].Reason, "`sensitivity` 69") {
			t.Errorf("%+v, want no value, as it is brighter than 54612 lx", got[0])
		}
	})
}

func TestSensitivitySurvivesALossOfSupply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewBH1750()
		chip.Set(1200)
		s := opened(t, plugged(chip), options{Sensitivity: 138, Mode: modeHigh})
		for range 2 {
			chip.PowerCycle()
			got, err := s.Read(t.Context())
			if err != nil || math.Abs(got[0].Value-500) > 1e-9 || chip.MTreg() != 138 {
				t.Errorf("%v, %v with register %d; want 500 lx with 138", got, err, chip.MTreg())
			}
		}
	})
}

// A chip that was away for a while needs no opening anew.
func TestPluggedInAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewBH1750()
		chip.Set(12)
		bus := plugged(chip)
		s := opened(t, bus, usual)
		bus.Plug(address, nil)
		if got, err := s.Read(t.Context()); err == nil {
			t.Errorf("unplugged: %v", got)
		}
		if err := s.Close(); err == nil {
			t.Error("unplugged, closes without an error")
		}
		bus.Plug(address, chip)
		if got, err := s.Read(t.Context()); err != nil || math.Abs(got[0].Value-10) > 1e-9 {
			t.Errorf("plugged in again: %v, %v; want 10 lx", got, err)
		}
	})
}

// A measurement that was cut short goes on, until the chip is switched off.
func TestCloseEndsMeasurement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewBH1750()
		s := opened(t, plugged(chip), usual)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := s.Read(ctx); err == nil || !chip.Powered() {
			t.Fatalf("cut short: %v, awake %v", err, chip.Powered())
		}
		if err := s.Close(); err != nil || chip.Powered() {
			t.Errorf("closed: %v, awake %v", err, chip.Powered())
		}
	})
}

func TestDisturbedResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewBH1750()
		chip.Set(12)
		bus := plugged(chip)
		s := opened(t, bus, usual)
		var reads, disturbed int
		bus.Fault(func(_ uint16, _, r []byte) error {
			if len(r) > 0 {
				if reads++; reads <= disturbed {
					r[1] ^= byte(reads)
				}
			}
			return nil
		})
		for disturbed = range 3 {
			reads = 0
			if got, err := s.Read(t.Context()); err != nil || math.Abs(got[0].Value-10) > 1e-9 {
				t.Errorf("first %d reads disturbed: %v, %v; want 10 lx", disturbed, got, err)
			}
		}
		reads, disturbed = 0, 100
		if got, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "disturbed") {
			t.Errorf("all reads disturbed: %v, %v; want an error", got, err)
		}
	})
}

func TestBadOptions(t *testing.T) {
	for option, os := range map[string][]options{
		"sensitivity": {{30, "high"}, {255, "high"}, {0, "high2"}},
		"mode":        {{69, ""}, {69, "low"}},
	} {
		for _, o := range os {
			_, err := planned(o)
			var bad *sensors.OptionError
			if !errors.As(err, &bad) || bad.Option != option {
				t.Errorf("%+v: %v, want an error of %s", o, err, option)
			}
		}
	}
	for _, sensitivity := range []int{31, 254} {
		if _, err := planned(options{sensitivity, "high2"}); err != nil {
			t.Error(err)
		}
	}
}

// Whatever is read: a finite value, why there is none, or an error.
func FuzzRead(f *testing.F) {
	f.Add(uint32(0), 69, true)
	f.Add(uint32(0xFFFFFFFF), 31, false)
	f.Add(uint32(0x00010001), 254, true)
	f.Fuzz(func(t *testing.T, replies uint32, sensitivity int, fine bool) {
		o := options{Sensitivity: sensitivity, Mode: modeHigh}
		if fine {
			o.Mode = modeHigh2
		}
		if _, err := planned(o); err != nil {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			bus := plugged(chips.NewBH1750())
			s := opened(t, bus, o)
			bus.Fault(func(_ uint16, _, r []byte) error {
				if len(r) == 2 {
					r[0], r[1] = byte(replies>>8), byte(replies)
					replies = replies>>16 | replies<<16
				}
				return nil
			})
			got, err := s.Read(t.Context())
			if first, second := replies&0xFFFF, replies>>16; (err != nil) != (first != second) {
				t.Errorf("%v, %v after %d and %d", got, err, first, second)
			}
			if err == nil && !got[0].Valid() && got[0].Reason == "" {
				t.Errorf("%+v", got[0])
			}
		})
	})
}

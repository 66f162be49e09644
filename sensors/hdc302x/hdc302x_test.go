package hdc302x

import (
	"errors"
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

const address = 0x44

// plug opens a sensor on a bus with the chip.
func plug(t *testing.T, chip chips.Chip) (sensors.Sensor, *chips.Bus, error) {
	t.Helper()
	bus := &chips.Bus{}
	bus.Plug(address, chip)
	plan, err := Driver().Configure(func(any) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	s, err := plan.Open(t.Context(), sensors.Wire{I2C: bus, Address: address, Log: slog.New(slog.DiscardHandler)})
	return s, bus, err
}

func TestRead(t *testing.T) {
	tests := map[string]struct {
		temperature, humidity uint16
		want                  []float64
	}{
		"middle":   {0x6666, 0x8000, []float64{25, 50}},
		"freezing": {0x2492, 0x4000, []float64{-20, 25}},
		"lowest":   {0x0751, 0x0000, []float64{-40, 0}},
		"highest":  {0xF8AE, 0xFFFF, []float64{125, 100}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chip := chips.NewHDC302x()
				chip.Temperature, chip.Humidity = tt.temperature, tt.humidity
				s, _, err := plug(t, chip)
				if err != nil {
					t.Fatal(err)
				}
				reading, err := s.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got := []float64{reading[0].Value, reading[1].Value}
				if diff := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 0.003)); diff != "" {
					t.Errorf("°C, %%RH (-want +got)\n%s", diff)
				}
			})
		})
	}
}

func TestOpenFindsAnotherChip(t *testing.T) {
	other := chips.NewHDC302x()
	other.Manufacturer = 0x5449
	for name, chip := range map[string]chips.Chip{"SHT4x": chips.NewSHT4x(), "other manufacturer": other} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if _, _, err := plug(t, chip); !errors.Is(err, sensors.ErrNotFound) {
					t.Errorf("got %v, want ErrNotFound", err)
				}
			})
		})
	}
}

// A chip left in the automatic mode by another program is taken out of it.
func TestOpenEndsAutomaticMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewHDC302x()
		chip.Auto = true
		s, _, err := plug(t, chip)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestReadFails(t *testing.T) {
	tests := map[string]func(*chips.HDC302x, *chips.Bus){
		"wrong checksum": func(_ *chips.HDC302x, bus *chips.Bus) {
			bus.Fault(func(_ uint16, _, r []byte) error {
				if len(r) > 4 {
					r[4] ^= 0x10
				}
				return nil
			})
		},
		"never ready":   func(chip *chips.HDC302x, _ *chips.Bus) { chip.Takes = math.MaxInt64 },
		"all bits zero": func(chip *chips.HDC302x, _ *chips.Bus) { chip.Temperature, chip.Humidity = 0, 0 },
		"all bits one":  func(chip *chips.HDC302x, _ *chips.Bus) { chip.Temperature = 0xFFFF },
	}
	for name, breakIt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chip := chips.NewHDC302x()
				s, bus, err := plug(t, chip)
				if err != nil {
					t.Fatal(err)
				}
				breakIt(chip, bus)
				start := time.Now()
				if reading, err := s.Read(t.Context()); err == nil {
					t.Errorf("got %v, want an error", reading)
				}
				if took := time.Since(start); took > 25*time.Millisecond {
					t.Errorf("took %v, longer than planned", took)
				}
			})
		})
	}
}

// Whatever comes over the wire is an error or a value the chip can have. Noise
// flips bits of what is read; without noise the checksums are right.
func FuzzRead(f *testing.F) {
	f.Add(uint16(0x6666), uint16(0x8000), []byte{})
	f.Add(uint16(0), uint16(0xFFFF), []byte{})
	f.Add(uint16(0x6666), uint16(0x8000), []byte{0, 0, 1})
	f.Fuzz(func(t *testing.T, temperature, humidity uint16, noise []byte) {
		synctest.Test(t, func(t *testing.T) {
			chip := chips.NewHDC302x()
			chip.Temperature, chip.Humidity = temperature, humidity
			s, bus, err := plug(t, chip)
			if err != nil {
				t.Fatal(err)
			}
			bus.Fault(func(_ uint16, _, r []byte) error {
				for i := range min(len(r), len(noise)) {
					r[i] ^= noise[i]
				}
				return nil
			})
			reading, err := s.Read(t.Context())
			if err != nil {
				return
			}
			temp, humi := reading[0], reading[1]
			if !temp.Valid() || temp.Value <= -45 || temp.Value >= 130 || !humi.Valid() || humi.Value < 0 || humi.Value > 100 {
				t.Errorf("raw %#x %#x noise %x gave %v", temperature, humidity, noise, reading)
			}
		})
	})
}

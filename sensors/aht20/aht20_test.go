package aht20

import (
	"context"
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

// plug opens a sensor on a bus with the chip.
func plug(t *testing.T, chip chips.Chip) (sensors.Sensor, *chips.Bus, error) {
	t.Helper()
	bus := &chips.Bus{}
	bus.Plug(address, chip)
	s, err := reopen(t, bus)
	return s, bus, err
}

func reopen(t *testing.T, bus *chips.Bus) (sensors.Sensor, error) {
	t.Helper()
	plan, err := Driver().Configure(func(any) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return plan.Open(t.Context(), sensors.Wire{I2C: bus, Address: address, Log: slog.New(slog.DiscardHandler)})
}

func TestRead(t *testing.T) {
	tests := map[string]struct {
		temperature, humidity uint32
		takes                 time.Duration
		want                  []float64
	}{
		"middle":   {0x60000, 0x80000, 80 * time.Millisecond, []float64{25, 50}},
		"freezing": {0x33333, 0xFFFFF, 80 * time.Millisecond, []float64{-10, 100}},
		"slow":     {0x60000, 0x80000, 200 * time.Millisecond, []float64{25, 50}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chip := chips.NewAHT20()
				chip.Temperature, chip.Humidity, chip.Takes = tt.temperature, tt.humidity, tt.takes
				s, _, err := plug(t, chip)
				if err != nil {
					t.Fatal(err)
				}
				reading, err := s.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got := []float64{reading[0].Value, reading[1].Value}
				if diff := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 0.001)); diff != "" {
					t.Errorf("°C, %%RH (-want +got)\n%s", diff)
				}
			})
		})
	}
}

// A chip that acknowledges but sends no checksum is not an AHT20.
func TestOpenFindsAnotherChip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &chips.Bus{}
		bus.Plug(address, chips.NewAHT20())
		bus.Fault(func(_ uint16, _, r []byte) error {
			if len(r) == 7 {
				r[6] = 0xFF
			}
			return nil
		})
		if _, err := reopen(t, bus); !errors.Is(err, sensors.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
}

func TestReadFails(t *testing.T) {
	tests := map[string]func(*chips.AHT20, *chips.Bus){
		"wrong checksum": func(_ *chips.AHT20, bus *chips.Bus) {
			bus.Fault(func(_ uint16, _, r []byte) error {
				if len(r) > 4 {
					r[4] ^= 0x10
				}
				return nil
			})
		},
		"never ready":   func(chip *chips.AHT20, _ *chips.Bus) { chip.Takes = math.MaxInt64 },
		"power lost":    func(chip *chips.AHT20, _ *chips.Bus) { chip.Calibrated = false },
		"all bits zero": func(chip *chips.AHT20, _ *chips.Bus) { chip.Temperature, chip.Humidity = 0, 0 },
		"all bits one":  func(chip *chips.AHT20, _ *chips.Bus) { chip.Temperature = 0xFFFFF },
	}
	for name, breakIt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chip := chips.NewAHT20()
				s, bus, err := plug(t, chip)
				if err != nil {
					t.Fatal(err)
				}
				breakIt(chip, bus)
				start := time.Now()
				if reading, err := s.Read(t.Context()); err == nil {
					t.Errorf("got %v, want an error", reading)
				}
				if took := time.Since(start); took > 240*time.Millisecond {
					t.Errorf("took %v, longer than planned", took)
				}
			})
		})
	}
}

// A chip that has lost its power works again once it is opened again.
func TestReopenAfterPowerLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewAHT20()
		_, bus, err := plug(t, chip)
		if err != nil {
			t.Fatal(err)
		}
		chip.Calibrated = false
		s, err := reopen(t, bus)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestReadStartsNothingAfterContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, bus, err := plug(t, chips.NewAHT20())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		before := bus.Transactions()
		if _, err := s.Read(ctx); !errors.Is(err, context.Canceled) || bus.Transactions() != before {
			t.Errorf("got %v after %d transactions, want context.Canceled after none", err, bus.Transactions()-before)
		}
	})
}

// Whatever comes over the wire is an error or a value the chip can have. Noise
// flips bits of what is read; without noise the checksums are right.
func FuzzRead(f *testing.F) {
	f.Add(uint32(0x60000), uint32(0x80000), []byte{})
	f.Add(uint32(0), uint32(0xFFFFF), []byte{})
	f.Add(uint32(0x60000), uint32(0x80000), []byte{0x88, 0, 1})
	f.Fuzz(func(t *testing.T, temperature, humidity uint32, noise []byte) {
		synctest.Test(t, func(t *testing.T) {
			chip := chips.NewAHT20()
			s, bus, err := plug(t, chip)
			if err != nil {
				t.Fatal(err)
			}
			chip.Temperature, chip.Humidity = temperature&0xFFFFF, humidity&0xFFFFF
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
			if !temp.Valid() || temp.Value <= bottom || temp.Value >= top || !humi.Valid() || humi.Value < 0 || humi.Value > 100 {
				t.Errorf("raw %#x %#x noise %x gave %v", temperature, humidity, noise, reading)
			}
		})
	})
}

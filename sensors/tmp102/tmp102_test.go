package tmp102

import (
	"errors"
	"log/slog"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
)

const address = 0x48

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

// Pairs of the data sheet's "Temperature Register", as far as they go.
func TestRead(t *testing.T) {
	tests := map[string]struct {
		raw  uint16
		want float64
	}{
		"room":       {0x1900, 25},
		"one step":   {0x0010, 0.0625},
		"below zero": {0xFFC0, -0.25},
		"freezing":   {0xE700, -25},
		"lowest":     {0xD800, -40},
		"highest":    {0x7D00, 125},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chip := chips.NewTMP102()
				chip.Temperature = tt.raw
				s, _, err := plug(t, chip)
				if err != nil {
					t.Fatal(err)
				}
				reading, err := s.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if got := reading[0].Value; got != tt.want {
					t.Errorf("%v °C, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestOpenFindsAnotherChip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, _, err := plug(t, chips.NewMCP9808()); !errors.Is(err, sensors.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
}

// However another program has left the chip, it is the temperature now that is
// read: shut down with an old value, or in the extended mode, where the same
// bits mean twice as much.
func TestReadWhateverTheConfiguration(t *testing.T) {
	for name, config := range map[string]uint16{"power-up": 0x60A0, "shut down": 0x61A0, "extended": 0x60B0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chip := chips.NewTMP102()
				time.Sleep(time.Second)
				s, _, err := plug(t, chip)
				if err != nil {
					t.Fatal(err)
				}
				chip.Configure(config)
				chip.Temperature = 0xE700
				reading, err := s.Read(t.Context())
				if err != nil || reading[0].Value != -25 {
					t.Errorf("got %v, %v; want -25 °C", reading, err)
				}
			})
		})
	}
}

func TestNeverReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewTMP102()
		s, _, err := plug(t, chip)
		if err != nil {
			t.Fatal(err)
		}
		chip.Takes = math.MaxInt64
		start := time.Now()
		if reading, err := s.Read(t.Context()); err == nil {
			t.Errorf("got %v, want an error", reading)
		}
		if took := time.Since(start); took > 60*time.Millisecond {
			t.Errorf("took %v, longer than planned", took)
		}
	})
}

// Whatever comes over the wire is an error or a value the register can hold,
// and comes in time.
func FuzzRead(f *testing.F) {
	f.Add([]byte{0xE1, 0x80, 0x19, 0x00, 0x19, 0x00})
	f.Add([]byte{0xE1, 0xA0, 0x7F, 0xF0, 0x7F, 0xF0})
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, wire []byte) {
		synctest.Test(t, func(t *testing.T) {
			s, bus, err := plug(t, chips.NewTMP102())
			if err != nil {
				t.Fatal(err)
			}
			bus.Fault(func(_ uint16, _, r []byte) error {
				wire = wire[copy(r, wire):]
				return nil
			})
			start := time.Now()
			reading, err := s.Read(t.Context())
			if time.Since(start) > 60*time.Millisecond {
				t.Errorf("took %v", time.Since(start))
			}
			if err != nil {
				return
			}
			if m := reading[0]; !m.Valid() || m.Value < -128 || m.Value >= 128 {
				t.Errorf("gave %v", reading)
			}
		})
	})
}

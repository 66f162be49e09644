package mcp9808

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
)

const address = 0x18

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
		raw  uint16
		want float64
	}{
		"room":       {0x0194, 25.25},
		"one step":   {0x0001, 0.0625},
		"below zero": {0x1FFF, -0.0625},
		"lowest":     {0x1D80, -40},
		"highest":    {0x07D0, 125},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chip := chips.NewMCP9808()
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
		mcp9804 := chips.NewMCP9808()
		mcp9804.Device = 0x0201
		if _, _, err := plug(t, mcp9804); !errors.Is(err, sensors.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
}

// After a shutdown the register holds the temperature from before it.
func TestReopenGivesNoOldValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewMCP9808()
		s, bus, err := plug(t, chip)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil || !chip.Shutdown() {
			t.Fatalf("after Close: error %v, shut down %v", err, chip.Shutdown())
		}
		chip.Temperature = 0x0140 // 20 °C
		if s, err = reopen(t, bus); err != nil {
			t.Fatal(err)
		}
		reading, err := s.Read(t.Context())
		if err != nil || reading[0].Value != 20 {
			t.Errorf("got %v, %v; want 20 °C", reading, err)
		}
	})
}

// A chip that another program has shut down says what it measured last.
func TestReadNotWithoutTheMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewMCP9808()
		s, bus, err := plug(t, chip)
		if err != nil {
			t.Fatal(err)
		}
		if err := chip.Tx([]byte{regConfig, (mark | shutdown) >> 8, 0x00}, nil); err != nil {
			t.Fatal(err)
		}
		if reading, err := s.Read(t.Context()); err == nil {
			t.Fatalf("got %v, want an error", reading)
		}
		if s, err = reopen(t, bus); err != nil {
			t.Fatal(err)
		}
		if reading, err := s.Read(t.Context()); err != nil || reading[0].Value != 25.25 {
			t.Errorf("opened again: %v, %v; want 25.25 °C", reading, err)
		}
	})
}

// Whatever comes over the wire is an error or a value the register can hold,
// and comes in time.
func FuzzRead(f *testing.F) {
	f.Add([]byte{0x01, 0x94, 0x01, 0x94, 0x02, 0x00, 0x02, 0x00})
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0x02, 0x00, 0x02, 0x00})
	f.Add([]byte{0x1D, 0x7F, 0x1D, 0x7F})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, wire []byte) {
		synctest.Test(t, func(t *testing.T) {
			s, bus, err := plug(t, chips.NewMCP9808())
			if err != nil {
				t.Fatal(err)
			}
			bus.Fault(func(_ uint16, _, r []byte) error {
				wire = wire[copy(r, wire):]
				return nil
			})
			start := time.Now()
			reading, err := s.Read(t.Context())
			if time.Since(start) > 5*time.Millisecond {
				t.Errorf("took %v", time.Since(start))
			}
			if err != nil {
				return
			}
			if m := reading[0]; !m.Valid() || m.Value < -256 || m.Value >= 256 {
				t.Errorf("gave %v", reading)
			}
		})
	})
}

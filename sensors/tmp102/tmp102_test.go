package tmp102

import (
	"context"
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
	for name, chip := range map[string]chips.Chip{"nothing": nil, "MCP9808": chips.NewMCP9808(), "all bits one": ones{}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if _, _, err := plug(t, chip); !errors.Is(err, sensors.ErrNotFound) {
					t.Errorf("got %v, want ErrNotFound", err)
				}
			})
		})
	}
}

// ones is a bus held high.
type ones struct{}

func (ones) Tx(_, r []byte) error {
	for i := range r {
		r[i] = 0xFF
	}
	return nil
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

func TestReadFails(t *testing.T) {
	tests := map[string]func(*chips.TMP102, *chips.Bus){
		"never ready":      func(chip *chips.TMP102, _ *chips.Bus) { chip.Takes = math.MaxInt64 },
		"chip pulled away": func(_ *chips.TMP102, bus *chips.Bus) { bus.Plug(address, nil) },
		"bus held high":    func(_ *chips.TMP102, bus *chips.Bus) { bus.Plug(address, ones{}) },
	}
	for name, breakIt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chip := chips.NewTMP102()
				s, bus, err := plug(t, chip)
				if err != nil {
					t.Fatal(err)
				}
				breakIt(chip, bus)
				start := time.Now()
				if reading, err := s.Read(t.Context()); err == nil {
					t.Errorf("got %v, want an error", reading)
				}
				if took := time.Since(start); took > 60*time.Millisecond {
					t.Errorf("took %v, longer than planned", took)
				}
			})
		})
	}
}

// A value read wrongly once is not taken.
func TestReadTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, bus, err := plug(t, chips.NewTMP102())
		if err != nil {
			t.Fatal(err)
		}
		reads, always := 0, false
		bus.Fault(func(_ uint16, w, r []byte) error {
			if len(r) == 2 && w[0] == regTemperature {
				reads++
				if reads == 1 || always {
					r[1] ^= byte(reads << 4)
				}
			}
			return nil
		})
		reading, err := s.Read(t.Context())
		if err != nil || reading[0].Value != 25 {
			t.Errorf("first read wrong: got %v, %v; want 25 °C", reading, err)
		}
		reads, always = 0, true
		if reading, err := s.Read(t.Context()); err == nil || reads > 5 {
			t.Errorf("every read different, but %v after %d reads", reading, reads)
		}
	})
}

func TestReadEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, err := plug(t, chips.NewTMP102())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Read(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
}

// Read allocates nothing beside the timer of its one sleep.
func TestReadAllocates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, err := plug(t, chips.NewTMP102())
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		sleep := testing.AllocsPerRun(200, func() { _ = sensors.Sleep(ctx, time.Millisecond) })
		read := testing.AllocsPerRun(200, func() { _, _ = s.Read(ctx) })
		if read > sleep {
			t.Errorf("Read allocates %v times, a sleep %v", read, sleep)
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

package ina219

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

const address = 0x40

// plug opens a sensor on a bus with the chip.
func plug(t *testing.T, chip chips.Chip, o options) (sensors.Sensor, *chips.Bus, error) {
	t.Helper()
	bus := &chips.Bus{}
	bus.Plug(address, chip)
	p, err := plan(o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Open(t.Context(), sensors.Wire{I2C: bus, Address: address, Log: slog.New(slog.DiscardHandler)})
	return s, bus, err
}

func TestRead(t *testing.T) {
	none := math.NaN()
	module := options{Shunt: 0.1}
	tests := map[string]struct {
		options options
		shunt   int16
		bus     uint16
		want    []float64
	}{
		"data sheet example": {options{Shunt: 0.002}, 2000, 2995, []float64{11.98, 10, 119.8}},
		"24 V":               {module, 1234, 6000, []float64{24, 0.1234, 2.9616}},
		"charging":           {module, -5000, 1000, []float64{4, -0.5, -2}},
		"nothing connected":  {module, 0, 0, []float64{0, 0, 0}},
		"short circuit":      {module, 32767, 100, []float64{0.4, none, none}},
		"reverse":            {module, -32768, 100, []float64{0.4, none, none}},
		"fine range":         {options{Shunt: 0.1, MaxCurrent: 0.4}, 3999, 1250, []float64{5, 0.3999, 1.9995}},
		"beyond fine range":  {options{Shunt: 0.1, MaxCurrent: 0.4}, 4500, 1250, []float64{5, none, none}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chip := chips.NewINA219()
				chip.Shunt, chip.Bus = tt.shunt, tt.bus
				s, _, err := plug(t, chip, tt.options)
				if err != nil {
					t.Fatal(err)
				}
				reading, err := s.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got := []float64{reading[0].Value, reading[1].Value, reading[2].Value}
				if diff := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 1e-9), cmpopts.EquateNaNs()); diff != "" {
					t.Errorf("V, A, W (-want +got)\n%s", diff)
				}
			})
		})
	}
}

// What max_current asks for is what the chip is told.
func TestReadSetsGain(t *testing.T) {
	for gain, most := range []float64{0.4, 0.8, 1.6, 3.2} {
		synctest.Test(t, func(t *testing.T) {
			chip := chips.NewINA219()
			s, _, err := plug(t, chip, options{Shunt: 0.1, MaxCurrent: most})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := int(chip.Configuration() >> gainShift & 3); got != gain {
				t.Errorf("max_current %v A: gain %d, want %d", most, got, gain)
			}
		})
	}
}

// A reading is of now, not of the conversion before.
func TestReadMeasuresAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewINA219()
		s, _, err := plug(t, chip, options{Shunt: 0.1})
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range []uint16{1000, 2000} {
			chip.Bus = raw
			reading, err := s.Read(t.Context())
			if want := float64(raw) * 4e-3; err != nil || reading[0].Value != want {
				t.Errorf("got %v, %v; want %v V", reading, err, want)
			}
		}
		if err := s.Close(); err != nil || chip.Configuration()&0b111 != 0 {
			t.Errorf("after Close: error %v, configuration %#04x, want it powered down", err, chip.Configuration())
		}
	})
}

func TestGain(t *testing.T) {
	tests := []struct {
		shunt, most float64
		want        int
	}{
		{0.1, 0, 3},
		{0.1, 3.2, 3},
		{0.1, 1.6, 2},
		{0.1, 1.61, 3},
		{0.1, 0.8, 1},
		{0.1, 0.4, 0},
		{0.1, 0.001, 0},
		{0.002, 160, 3},
		{0.1, 3.21, -1},
		{0.1, -1, -1},
		{0.1, math.NaN(), -1},
		{0.1, math.Inf(1), -1},
	}
	for _, tt := range tests {
		got, err := gainFor(options{tt.shunt, tt.most})
		var bad *sensors.OptionError
		if errors.As(err, &bad) {
			got = -1
		}
		if got != tt.want {
			t.Errorf("shunt %v ohm, max_current %v A: gain %d (%v), want %d", tt.shunt, tt.most, got, err, tt.want)
		}
	}
}

func TestBadShunt(t *testing.T) {
	for _, shunt := range []float64{0, -0.1, 2000, math.NaN(), math.Inf(1)} {
		var bad *sensors.OptionError
		if _, err := plan(options{Shunt: shunt}); !errors.As(err, &bad) || bad.Option != "shunt" {
			t.Errorf("%v ohm: got %v, want an error of shunt", shunt, err)
		}
	}
}

func TestOpenFindsAnotherChip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, _, err := plug(t, chips.NewSHT4x(), options{Shunt: 0.1}); !errors.Is(err, sensors.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
}

func TestReadFails(t *testing.T) {
	onRead := func(register byte, f func(r []byte)) func(*chips.INA219, *chips.Bus) {
		return func(_ *chips.INA219, bus *chips.Bus) {
			bus.Fault(func(_ uint16, w, r []byte) error {
				if len(r) == 2 && w[0] == register {
					f(r)
				}
				return nil
			})
		}
	}
	tests := map[string]func(*chips.INA219, *chips.Bus){
		"never ready":     onRead(regBus, func(r []byte) { r[1] &^= converted }),
		"above 32 V":      onRead(regBus, func(r []byte) { r[0] = 0xFF }),
		"reset meanwhile": onRead(regConfig, func(r []byte) { r[0], r[1] = 0x39, 0x9F }),
	}
	for name, breakIt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chip := chips.NewINA219()
				s, bus, err := plug(t, chip, options{Shunt: 0.1})
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

// A chip that has lost its power and come back measures as before.
func TestReadAfterPowerLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewINA219()
		s, _, err := plug(t, chip, options{Shunt: 0.002})
		if err != nil {
			t.Fatal(err)
		}
		chip.PowerCycle()
		reading, err := s.Read(t.Context())
		if err != nil || math.Abs(reading[1].Value-10) > 1e-9 {
			t.Errorf("got %v, %v; want 10 A", reading, err)
		}
	})
}

// Whatever comes over the wire is an error, no value, or a value the chip can
// have, and comes in time.
func FuzzRead(f *testing.F) {
	f.Add([]byte{0x5D, 0x9A, 0x3E, 0xEB, 0x07, 0xD0, 0x07, 0xD0, 0x5D, 0x9A, 0x5D, 0x98})
	f.Add([]byte{0x00, 0x02, 0x3E, 0xEB, 0x80, 0x00, 0x80, 0x00, 0xFF, 0xFA, 0xFF, 0xFA})
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, wire []byte) {
		synctest.Test(t, func(t *testing.T) {
			s, bus, err := plug(t, chips.NewINA219(), options{Shunt: 0.1})
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
			ranges := [][2]float64{{0, 32}, {-3.2, 3.2}, {-102.4, 102.4}}
			for i, m := range reading {
				if m.Valid() && (m.Value < ranges[i][0] || m.Value > ranges[i][1]) || !m.Valid() && m.Reason == "" {
					t.Errorf("gave %v", reading)
				}
			}
		})
	})
}

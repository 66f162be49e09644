package ads1115

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
	"sensor-agent/sensors/adc"
)

// replier is a chip that gives every read the same bytes.
type replier [2]byte

func (p replier) Tx(_, r []byte) error {
	copy(r, p[:])
	return nil
}

func TestOpenWithoutTheChip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, bus := range map[string]*chips.Bus{
			"a thermometer":              plugged(replier{0x60, 0xA0}),
			"configuration as power-up":  plugged(replier{0x85, 0x83}),
			"all but one bit as written": plugged(replier{0xC3, 0x03}),
		} {
			s, err := open(t, bus, "ads1115", usual("ads1115"))
			if s != nil || !errors.Is(err, sensors.ErrNotFound) {
				t.Errorf("%s: sensor %v, error %v; want ErrNotFound", name, s, err)
			}
		}
	})
}

func TestOpenAfterOtherPrograms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewADS1115()
		chip.Set(0, 1111)
		chip.Set(1, 8000)
		chip.Oscillator(0.9)
		// Continuous conversions of AIN0, 8 a second.
		if err := chip.Tx([]byte{1, 0x42, 0x03}, nil); err != nil {
			t.Fatal(err)
		}
		got, err := opened(t, plugged(chip), "ads1115", usual("ads1115", adc.Channel{Channel: 1})).Read(t.Context())
		if err != nil || got[0].Value != 1 {
			t.Errorf("%v, %v; want 1 V of AIN1", got, err)
		}
	})
}

func TestStuckConversion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewADS1115()
		o := usual("ads1115")
		s := opened(t, plugged(chip), "ads1115", o)
		plan, err := planned(t, "ads1115", o)
		if err != nil {
			t.Fatal(err)
		}
		chip.Stick(true)
		for range 2 { // stuck while converting, and already stuck
			begin := time.Now()
			if _, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "switch the chip off and on") {
				t.Errorf("error %v, want what to do", err)
			}
			if took := time.Since(begin); took > plan.Takes {
				t.Errorf("given up after %v, planned %v for all channels", took, plan.Takes)
			}
		}
		chip.Stick(false)
		if _, err := s.Read(t.Context()); err != nil {
			t.Errorf("not stuck any more: %v", err)
		}
	})
}

// After a dip of its supply the chip is ready, and its result is 0 V.
func TestSupplyLostDuringAConversion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewADS1115()
		chip.Set(0, 8000)
		s := opened(t, plugged(chip), "ads1115", usual("ads1115", adc.Channel{}))
		time.AfterFunc(3*time.Millisecond, chip.PowerCycle)
		if got, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "lost its supply") {
			t.Errorf("%v, %v; want an error", got, err)
		}
		if got, err := s.Read(t.Context()); err != nil || got[0].Value != 1 {
			t.Errorf("the next: %v, %v; want 1 V", got, err)
		}
	})
}

func TestDisturbedResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewADS1115()
		chip.Set(0, 8000)
		bus := plugged(chip)
		s := opened(t, bus, "ads1115", usual("ads1115", adc.Channel{}))
		var reads, disturbed int // of the conversion register
		bus.Fault(func(_ uint16, w, r []byte) error {
			if w[0] == conversionRegister {
				if reads++; reads <= disturbed {
					r[0] ^= byte(reads)
				}
			}
			return nil
		})
		for disturbed = range 3 {
			reads = 0
			if got, err := s.Read(t.Context()); err != nil || got[0].Value != 1 {
				t.Errorf("first %d reads disturbed: %v, %v; want 1 V", disturbed, got, err)
			}
		}
		reads, disturbed = 0, 100
		if got, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "disturbed") {
			t.Errorf("all reads disturbed: %v, %v; want an error", got, err)
		}
	})
}

func TestBusFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewADS1115()
		bus := plugged(chip)
		s := opened(t, bus, "ads1115", usual("ads1115"))
		cause := errors.New("no acknowledge")
		for after := range 20 { // in the middle of a Read wherever
			n := 0
			bus.Fault(func(uint16, []byte, []byte) error {
				if n++; n > after {
					return cause
				}
				return nil
			})
			if got, err := s.Read(t.Context()); got != nil && err != nil || err == nil && after < 17 || err != nil && !errors.Is(err, cause) {
				t.Errorf("failing after %d transactions: %v, %v", after, got, err)
			}
		}
		bus.Fault(nil)
		if _, err := s.Read(t.Context()); err != nil {
			t.Errorf("not failing any more: %v", err)
		}
	})
}

// Whatever the registers seem to hold: an error, finite values or why there is
// none, in bounded time.
func FuzzRegisters(f *testing.F) {
	f.Add([]byte{0xFF})
	f.Add([]byte{0xC3, 0x83, 0xC3, 0x83, 0xC3, 0x83, 0x7F, 0xFF, 0x7F, 0xFF})
	f.Add([]byte{0xC3, 0x83, 0xC3, 0x83, 0xC3, 0x83, 0x80, 0x00, 0x80, 0x00})
	f.Add([]byte{0x80, 0x00, 0x43, 0x83, 0xC3, 0x83, 0xFF, 0xF0, 0x12, 0x34, 0x12, 0x34})
	f.Fuzz(func(t *testing.T, replies []byte) {
		synctest.Test(t, func(t *testing.T) {
			bus := plugged(chips.NewADS1115())
			o := usual("ads1115", adc.Channel{LDR: &adc.LDR{}}, adc.Channel{Quantity: "fraction"})
			plan, err := planned(t, "ads1115", o)
			if err != nil {
				t.Fatal(err)
			}
			s := opened(t, bus, "ads1115", o)
			bus.Fault(func(_ uint16, _, r []byte) error {
				replies = replies[copy(r, replies):]
				return nil
			})
			begin := time.Now()
			reading, err := s.Read(t.Context())
			longest := plan.Takes + timingOf(o.Speed).limit // of a conversion before
			if took := time.Since(begin); took > longest {
				t.Errorf("took %v, at most %v", took, longest)
			}
			if err != nil {
				return
			}
			for i, m := range reading {
				if !m.Valid() && m.Reason == "" {
					t.Errorf("measurement %d: %+v", i, m)
				}
			}
		})
	})
}

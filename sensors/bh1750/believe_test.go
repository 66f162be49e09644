package bh1750

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
)

// What is far from the reading before is measured again, and so is darkness,
// which looks as if nothing was measured.
func TestMeasuresAgainWhatHasChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewBH1750()
		plan, err := planned(usual)
		if err != nil {
			t.Fatal(err)
		}
		s := opened(t, plugged(chip), usual)
		for i, tt := range []struct {
			counts uint16
			times  int
		}{
			{1000, 2},
			{1000, 1},
			{1200, 1},
			{1000, 1},
			{1300, 2},
			{1300, 1},
			{300, 2}, // a fifth of the greater
			{5, 2},
			{1, 1},
			{5, 1},
			{10, 2}, // a few counts
			{0, 2},
			{0, 2},
			{1, 1},
			{0, 2},
			{4, 1},
			{0, 2},
			{5, 2},
			{65535, 2},
			{65535, 1},
		} {
			chip.Set(tt.counts)
			start := time.Now()
			got, err := s.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if tt.counts != overrange && math.Abs(got[0].Value-float64(tt.counts)/1.2) > 1e-9 {
				t.Errorf("reading %d: %v of %d counts", i, got, tt.counts)
			}
			once := measuringTime(usualSensitivity) + spare
			if took := time.Since(start); took != time.Duration(tt.times)*once || took > plan.Takes {
				t.Errorf("reading %d: %d counts took %v, planned %v; want them measured %d times", i, tt.counts, took, plan.Takes, tt.times)
			}
		}
	})
}

// Light that changes with each measurement has no value, until it is steady.
func TestFlickeringLight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewBH1750()
		bus := plugged(chip)
		plan, err := planned(usual)
		if err != nil {
			t.Fatal(err)
		}
		s := opened(t, bus, usual)
		light := uint16(100)
		bus.Fault(func(_ uint16, w, _ []byte) error {
			if len(w) > 0 && w[0] == oneTimeH {
				chip.Set(light)
				light += light / 2
			}
			return nil
		})
		start := time.Now()
		got, err := s.Read(t.Context())
		if err != nil || got[0].Valid() || !strings.Contains(got[0].Reason, "flickers") {
			t.Errorf("%+v, %v; want no value", got, err)
		}
		if took := time.Since(start); took > plan.Takes {
			t.Errorf("took %v, planned %v", took, plan.Takes)
		}
		bus.Fault(nil)
		if got, err := s.Read(t.Context()); err != nil || !got[0].Valid() {
			t.Errorf("steady: %+v, %v", got, err)
		}
	})
}

// altered is a bus on which one bit of what is written is flipped: the bit-th
// of those written from now on.
type altered struct {
	*chips.Bus
	bit int
}

func (a *altered) Tx(addr uint16, w, r []byte) error {
	if len(w) == 1 {
		if a.bit >= 0 && a.bit < 8 {
			w = []byte{w[0] ^ 1<<a.bit}
		}
		a.bit -= 8
	}
	return a.Bus.Tx(addr, w, r)
}

// eachBit reads a chip once, calls change, and reads it again with each bit
// flipped in turn of what is then written, and with none.
func eachBit(t *testing.T, o options, prepare, change func(*chips.BH1750), check func(t *testing.T, bit int, m sensors.Measurement)) {
	t.Helper()
	plan, err := planned(o)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * 7 * 2 {
		synctest.Test(t, func(t *testing.T) {
			chip := chips.NewBH1750()
			prepare(chip)
			bus := &altered{plugged(chip), -1}
			s, err := plan.Open(t.Context(), sensors.Wire{I2C: bus, Address: address})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
			change(chip)
			bus.bit = bit
			for range 2 {
				got, err := s.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				check(t, bit, got[0])
			}
		})
	}
}

// A measurement that never began, whatever the bit, does not repeat the one
// before, however near it is.
func TestAlteredCommandRepeatsNothing(t *testing.T) {
	for _, o := range []options{usual, {138, modeHigh2}} {
		for _, light := range [][2]uint16{{1000, 1001}, {1000, 3000}, {0, 3000}, {3000, 0}} {
			before := func(c *chips.BH1750) { c.Set(light[0]) }
			change := func(c *chips.BH1750) { c.Set(light[1]) }
			eachBit(t, o, before, change, func(t *testing.T, bit int, m sensors.Measurement) {
				want := float64(light[1]) / 1.2 * usualSensitivity / float64(o.Sensitivity)
				if o.Mode == modeHigh2 {
					want /= 2
				}
				doubted := !m.Valid() && light[1] != 1001
				if !doubted && !(math.Abs(m.Value-want) <= 1e-9) {
					t.Errorf("%+v, %v, bit %d: %+v, want %v lx", o, light, bit, m, want)
				}
			})
		}
	}
}

// A measurement at another sensitivity or mode does not pass for one at those
// that were set, unless the difference is small. (It would where the light has
// changed by as much the other way.)
func TestAlteredScale(t *testing.T) {
	for _, o := range []options{usual, {69, modeHigh2}, {31, modeHigh}, {138, modeHigh}, {254, modeHigh}} {
		for _, speed := range []float64{1, 1.5, 2} {
			for _, light := range []float64{1000, 3300} {
				before := func(c *chips.BH1750) { c.Speed(speed); c.Shine(1000) }
				change := func(c *chips.BH1750) { c.Shine(light) }
				eachBit(t, o, before, change, func(t *testing.T, bit int, m sensors.Measurement) {
					if m.Valid() && math.Abs(m.Value-light) > light/4 {
						t.Errorf("%+v, speed %v, bit %d: %v of %v lx", o, speed, bit, m, light)
					}
				})
			}
		}
	}
}

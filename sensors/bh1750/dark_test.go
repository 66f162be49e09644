package bh1750

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
)

// Darkness and a loss of supply in the middle look the same, once.
func TestDarknessIsMeasuredTwice(t *testing.T) {
	for light, times := range map[uint16]int{0: 2, 1: 1} {
		synctest.Test(t, func(t *testing.T) {
			chip := chips.NewBH1750()
			chip.Set(light)
			plan, err := planned(usual)
			if err != nil {
				t.Fatal(err)
			}
			s := opened(t, plugged(chip), usual)
			start := time.Now()
			got, err := s.Read(t.Context())
			if err != nil || math.Abs(got[0].Value-float64(light)/1.2) > 1e-9 {
				t.Errorf("%v, %v", got, err)
			}
			once := measuringTime(usualSensitivity) + spare
			if took := time.Since(start); took != time.Duration(times)*once || took > plan.Takes {
				t.Errorf("at %d counts it took %v, planned %v; want it measured %d times", light, took, plan.Takes, times)
			}
		})
	}
}

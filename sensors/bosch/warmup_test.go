package bosch

import (
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/sensors"
)

// TestGasWarmsUp follows a chip through its life: only a loss of power, and no
// opening of the sensor, has its gas warm up again.
func TestGasWarmsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := newBME680()
		b := newBench(chip)
		plan := configured(t, "bme680", func(o *BME68xOptions) { o.GasWarmUp = 3 * time.Minute })
		var s sensors.Sensor
		reopen := func() {
			if s != nil {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			s = b.open(t, plan)
		}
		for i, step := range []struct {
			after time.Duration
			event func()
			want  sensors.Quality
		}{
			{time.Hour, reopen, sensors.WarmingUp}, // nobody knows since when it has had power
			{2 * time.Minute, func() {}, sensors.WarmingUp},
			{time.Second, reopen, sensors.WarmingUp},
			{time.Minute, func() {}, sensors.Good},
			{time.Hour, reopen, sensors.Good},
			{time.Hour, func() { chip.Reset(); reopen() }, sensors.WarmingUp},
			{2 * time.Minute, reopen, sensors.WarmingUp},
			{time.Minute, func() {}, sensors.Good},
		} {
			time.Sleep(step.after)
			step.event()
			r, err := s.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for j, m := range r {
				want := sensors.Good
				if j == 3 {
					want = step.want
				}
				if m.Quality != want || m.Value != reading680[j] || (m.Reason == "") != (want == sensors.Good) {
					t.Errorf("step %d: measurement %d is %+v, want %v %s", i, j, m, reading680[j], want)
				}
			}
		}
	})
}

func TestGasDoesNotWarmUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(newBME688()).open(t, configured(t, "bme688", func(o *BME68xOptions) { o.GasWarmUp = 0 }))
		if r, err := s.Read(t.Context()); err != nil || r[3].Quality != sensors.Good {
			t.Errorf("gas_warm_up 0: %v, %v", r, err)
		}
		// A value that is missing is no value that is not good.
		chip := newBME680()
		chip.SetField([17]byte(unhex("800049e7207a5b9054c800000090830000")))
		s = newBench(chip).open(t, defaults(t, "bme680"))
		if r, err := s.Read(t.Context()); err != nil || r[3].Valid() || r[3].Quality != sensors.Good {
			t.Errorf("no gas: %v, %v", r, err)
		}
	})
}

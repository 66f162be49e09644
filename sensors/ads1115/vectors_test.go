package ads1115

import (
	"encoding/hex"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
	"sensor-agent/internal/chips/vectors"
	"sensor-agent/sensors/adc"
)

func TestConfigVectors(t *testing.T) {
	type row struct {
		ID         string
		Mux        int `json:"mux_bits"`
		FullScale  int `json:"fs_mv"`
		PGA        int `json:"pga_bits"`
		Speed      int `json:"rate_sps"`
		DR         int `json:"dr_bits"`
		SingleShot bool `json:"single_shot"`
		Config     string
		Nominal    float64 `json:"conv_us_nominal"`
		Longest    float64 `json:"conv_us_max"`
	}
	chip := Drivers()[0]
	speeds := chip.Options().(options).speeds()
	var compared int
	for _, r := range vectors.Rows[row](t, "ads1115_config") {
		pga := slices.Index(fullScales, float64(r.FullScale)/1000)
		dr := slices.Index(speeds, r.Speed)
		if pga != r.PGA || dr != r.DR {
			t.Errorf("%s: codes %d and %d, want %d and %d", r.ID, pga, dr, r.PGA, r.DR)
		}
		typical, longest := timingOf(r.Speed).typical, timingOf(r.Speed).limit
		if d := float64(typical)/1e3 - r.Nominal; math.Abs(d) > 0.001 {
			t.Errorf("%s: %v waited, want %v µs", r.ID, typical, r.Nominal)
		}
		if spare := longest - time.Duration(r.Longest*1e3); spare < 0 || spare > 5*time.Millisecond {
			t.Errorf("%s: %v is the longest wait, for %v µs", r.ID, longest, r.Longest)
		}
		if !r.SingleShot || r.Mux < 4 {
			continue
		}
		compared++
		b, err := hex.DecodeString(r.Config)
		if err != nil {
			t.Fatal(err)
		}
		const comparator = 0x1F // varied in the rows, off here
		want := uint16(b[0])<<8 | uint16(b[1])&^comparator | noComparator
		if got := start | mux(r.Mux-4) | settings(pga, dr); got != want {
			t.Errorf("%s: configuration %04x, want %04x", r.ID, got, want)
		}
	}
	if compared == 0 {
		t.Error("no row of a single-ended single shot")
	}
}

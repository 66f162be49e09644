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
		Mux        int  `json:"mux_bits"`
		FullScale  int  `json:"fs_mv"`
		PGA        int  `json:"pga_bits"`
		Speed      int  `json:"rate_sps"`
		DR         int  `json:"dr_bits"`
		SingleShot bool `json:"single_shot"`
		Config     string
		Nominal    float64 `json:"conv_us_nominal"`
		Longest    float64 `json:"conv_us_max"`
	}
	speeds := family[0].speeds
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

// Each conversion of the reference, measured by the driver on a simulated chip.
func TestConversionVectors(t *testing.T) {
	type row struct {
		ID        string
		FullScale int `json:"fs_mv"`
		Raw       int16
		Nanovolt  float64 // cut off toward zero
		Saturated bool
	}
	for _, r := range vectors.Rows[row](t, "ads1115_conversion") {
		synctest.Test(t, func(t *testing.T) {
			chip := chips.NewADS1115()
			chip.Set(2, r.Raw)
			o := options{FullScale: float64(r.FullScale) / 1000, Speed: 860, Vref: 3.3, Channels: []adc.Channel{{Channel: 2}}}
			reading, err := opened(t, plugged(chip), "ads1115", o).Read(t.Context())
			if err != nil {
				t.Fatalf("%s: %v", r.ID, err)
			}
			switch got := reading[0]; {
			case r.Saturated && (got.Valid() || got.Reason == ""):
				t.Errorf("%s: %+v of a saturated conversion", r.ID, got)
			case !r.Saturated && !(math.Abs(got.Value*1e9-r.Nanovolt) < 1):
				t.Errorf("%s: %+v, want %v nV", r.ID, got, r.Nanovolt)
			}
		})
	}
}

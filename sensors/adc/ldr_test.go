package adc

import (
	"math"
	"strings"
	"testing"

	"sensor-agent/internal/chips/vectors"
	"sensor-agent/sensors"
)

func TestLDRVectors(t *testing.T) {
	type row struct {
		ID        string
		FullScale float64 `json:"full_scale"`
		Raw       float64
		Fixed     float64 `json:"r_fixed_ohm"`
		Position  string
		R10       float64 `json:"r10_ohm"`
		Gamma     float64
		Ohms      *float64 `json:"r_ldr_ohm"`
		Lux       *float64
		Rail      *string
	}
	sides := map[string]string{"ldr_to_vcc": supplySide, "ldr_to_gnd": groundSide}
	for _, r := range vectors.Rows[row](t, "ldr") {
		cell := LDR{Side: sides[r.Position], Fixed: Ohms(r.Fixed), R10: Ohms(r.R10), Gamma: &r.Gamma}
		measure, err := cell.conversion("ldr", 0, (r.FullScale-1)/r.FullScale)
		if err != nil {
			t.Fatalf("%s: %v", r.ID, err)
		}
		fraction := r.Raw / r.FullScale
		if got := cell.resistance(fraction); !near(got, orInf(r.Ohms)) {
			t.Errorf("%s: %v Ω, want %v", r.ID, got, orInf(r.Ohms))
		}
		got := measure(Level{Fraction: fraction})
		if r.Rail != nil {
			if got.Valid() || got.Reason == "" {
				t.Errorf("%s: %+v at the %s rail, want no value and why", r.ID, got, *r.Rail)
			}
			continue
		}
		if !near(got.Value, orInf(r.Lux)) {
			t.Errorf("%s: %v lx, want %v", r.ID, got.Value, orInf(r.Lux))
		}
	}
}

func orInf(v *float64) float64 {
	if v == nil {
		return math.Inf(1)
	}
	return *v
}

func near(got, want float64) bool {
	return got == want || math.Abs(got-want) <= 1e-12*math.Abs(want)
}

func TestLDRDefaultsAreAGL5528(t *testing.T) {
	measure, err := LDR{}.conversion("ldr", 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	// 15 kΩ above 10 kΩ: 0.4 of the supply.
	if got := measure(Level{Fraction: 0.4}); !near(got.Value, 10) {
		t.Errorf("at 15 kΩ: %+v, want 10 lx", got)
	}
	// A tenth of the resistance is 10^(1/0.7) times the light.
	if got, want := measure(Level{Fraction: 10 / 11.5}), 10*math.Pow(10, 1/0.7); math.Abs(got.Value-want) > 1e-6 {
		t.Errorf("at 1.5 kΩ: %+v, want %v lx", got, want)
	}
}

func TestLDRAtARail(t *testing.T) {
	for _, test := range []struct {
		side     string
		fraction float64
		want     []string
	}{
		{supplySide, 0, []string{"0 V", "too dark", "torn off"}},
		{supplySide, -0.001, []string{"0 V", "too dark", "torn off"}},
		{supplySide, 0.99, []string{"supply", "too bright", "cell is shorted"}},
		{groundSide, 0, []string{"0 V", "too bright", "cell is shorted"}},
		{groundSide, 1.01, []string{"supply", "too dark", "torn off"}},
	} {
		measure, err := LDR{Side: test.side}.conversion("ldr", 0, 0.99)
		if err != nil {
			t.Fatal(err)
		}
		got := measure(Level{Fraction: test.fraction})
		if got.Valid() {
			t.Errorf("cell at %s, fraction %v: %+v, want no value", test.side, test.fraction, got)
		}
		for _, want := range test.want {
			if !strings.Contains(got.Reason, want) {
				t.Errorf("cell at %s, fraction %v: reason %q does not contain %q", test.side, test.fraction, got.Reason, want)
			}
		}
	}
}

// Whatever the circuit and the level: a finite value, or why there is none.
func FuzzMeasure(f *testing.F) {
	f.Add("10k", "15k", 0.7, true, 0.5, 100.0, -50.0)
	f.Add("1", "100M", 0.1, false, 1e-5, 1e12, 1e12)
	f.Add("100M", "1", 2.0, true, 1-1.0/4096, -1e12, 0.0)
	f.Fuzz(func(t *testing.T, fixed, r10 string, gamma float64, ground bool, fraction, scale, offset float64) {
		cell := LDR{Gamma: &gamma}
		if cell.Fixed.UnmarshalText([]byte(fixed)) != nil || cell.R10.UnmarshalText([]byte(r10)) != nil {
			return
		}
		if ground {
			cell.Side = groundSide
		}
		converter := Converter{Channels: 1, Low: 1e-5, High: 1 - 1e-5}
		for _, ch := range []Channel{
			{LDR: &cell},
			{Quantity: "fraction"},
			{Linear: &Linear{Scale: scale, Offset: offset}},
		} {
			inputs, err := converter.Configure([]Channel{ch})
			if err != nil {
				continue
			}
			level := Level{Fraction: max(-1, min(2, fraction))}
			if math.IsNaN(fraction) {
				level.Fraction = 0
			}
			level.Volts = 3.3 * level.Fraction
			if m := inputs[0].Measure(level); !m.Valid() && m.Reason == "" {
				t.Errorf("%+v at %+v: %+v", ch, level, m)
			}
		}
	})
}

func TestMeasuringAllocatesNothing(t *testing.T) {
	inputs, err := eightChannels.Configure([]Channel{{LDR: &LDR{}}, {Quantity: "fraction"}, {Linear: &Linear{Scale: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	var m sensors.Measurement
	allocs := testing.AllocsPerRun(100, func() {
		for _, fraction := range []float64{0, 0.3, 1} {
			for _, in := range inputs {
				m = in.Measure(Level{Volts: 3.3 * fraction, Fraction: fraction})
			}
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations, last %+v", allocs, m)
	}
}

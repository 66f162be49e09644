package conditioning

import (
	"math"
	"testing"

	"sensor-agent/sensors"
)

// Over water, from Sonntag's full formula, as tables of it have them.
func TestSaturation(t *testing.T) {
	for celsius, want := range map[float64]float64{
		-40: 0.1905, -20: 1.2559, -10: 2.8657, 0: 6.1121, 10: 12.279, 20: 23.388, 25: 31.690, 30: 42.452, 40: 73.813, 50: 123.45, 60: 199.33,
	} {
		if got := saturation(celsius); math.Abs(got/want-1) > 0.005 {
			t.Errorf("%v °C: %.4f hPa, want %v", celsius, got, want)
		}
	}
	for _, celsius := range []float64{coldest - 1, hottest + 1, -magnusC, math.NaN()} {
		if got := saturation(celsius); !math.IsNaN(got) {
			t.Errorf("%v °C: %v hPa", celsius, got)
		}
	}
}

func TestDewPoint(t *testing.T) {
	for _, test := range []struct{ celsius, humidity, want float64 }{
		{25, 60, 16.7},
		{20, 50, 9.3},
		{30, 80, 26.2},
		{40, 50, 27.6},
		{0, 80, -3.0},
		{-10, 70, -14.4},
		{15, 100, 15},
		{-40, 100, -40},
	} {
		if got := dewPoint(test.celsius, test.humidity); math.Abs(got-test.want) > 0.06 {
			t.Errorf("%v °C, %v %%: %.2f °C, want %v", test.celsius, test.humidity, got, test.want)
		}
	}
	for _, humidity := range []float64{0, -1} {
		if got := dewPoint(20, humidity); !math.IsNaN(got) {
			t.Errorf("%v %%: dew point %v", humidity, got)
		}
	}
}

// Vapour density at saturation as tables have it; the formula is within 0.5 %.
func TestAbsoluteHumidity(t *testing.T) {
	for _, test := range []struct{ celsius, humidity, want float64 }{
		{25, 50, 11.52},
		{20, 100, 17.30},
		{30, 100, 30.38},
		{0, 100, 4.85},
		{-10, 100, 2.36},
		{40, 50, 25.6},
		{20, 0, 0},
		{20, -1, 0},
	} {
		if got := absoluteHumidity(test.celsius, test.humidity); math.Abs(got-test.want) > 0.005*test.want {
			t.Errorf("%v °C, %v %%: %.3f g/m³, want %v", test.celsius, test.humidity, got, test.want)
		}
	}
}

// The pressures of the standard atmosphere, ICAO Doc 7488/3, table 3.
func TestSeaLevelFactor(t *testing.T) {
	for altitude, pressure := range map[float64]float64{
		-500: 1074.78, 0: 1013.25, 500: 954.61, 1000: 898.75, 2000: 794.95, 3000: 701.08, 5000: 540.20, 9000: 307.42,
	} {
		if got := pressure * seaLevelFactor(altitude); math.Abs(got-1013.25) > 0.03 {
			t.Errorf("%v hPa at %v m: %.3f hPa at sea level", pressure, altitude, got)
		}
	}
}

func TestDerived(t *testing.T) {
	c := &chip{}
	s, p := conditioned(t, c, Settings{
		Adjust: map[string]Adjustment{"temp": {Offset: 5}}, // what is derived is so from corrected values
		Derive: Derive{DewPoint: true, AbsoluteHumidity: true, SeaLevelPressure: &SeaLevel{Altitude: 1000}},
	}, noZone)
	r := c.measure(t, s, 20, 60, 898.75)
	want := []struct {
		key      string
		quantity sensors.Quantity
		value    float64
	}{
		{"temp", sensors.Temperature, 25},
		{"humi", sensors.Humidity, 60},
		{"pressure", sensors.Pressure, 898.75},
		{"dew_point", sensors.Temperature, 16.69},
		{"absolute_humidity", sensors.AbsoluteHumidity, 13.78},
		{"sea_level_pressure", sensors.Pressure, 1013.25},
	}
	if len(r) != len(want) || len(p.Outputs) != len(want) {
		t.Fatalf("%d outputs, %d measurements, want %d", len(p.Outputs), len(r), len(want))
	}
	for i, w := range want {
		if o := p.Outputs[i]; o.Key != w.key || o.Quantity != w.quantity || math.Abs(r[i].Value-w.value) > 0.01 || r[i].Quality != sensors.Good {
			t.Errorf("%+v: %v, want %+v", o, r[i], w)
		}
	}
	if r := c.measure(t, s, 20, 0, 900); r[3].Valid() || r[3].Reason != beyond || !r[4].Valid() || !r[5].Valid() {
		t.Errorf("in dry air: %v", r)
	}
}

func FuzzDewPoint(f *testing.F) {
	f.Add(25.0, 60.0)
	f.Fuzz(func(t *testing.T, celsius, humidity float64) {
		if !(celsius >= coldest && celsius <= hottest && humidity >= 0.01 && humidity <= 100) {
			return
		}
		dew := dewPoint(celsius, humidity)
		if !(dew <= celsius+1e-9) {
			t.Errorf("%v °C, %v %%: dew point %v °C", celsius, humidity, dew)
		}
		if a := absoluteHumidity(celsius, humidity); !(a > 0 && a < 700) {
			t.Errorf("%v °C, %v %%: %v g/m³", celsius, humidity, a)
		}
		// Air that has cooled to its dew point is saturated.
		if dew >= coldest && math.Abs(warmed(humidity, celsius, dew)-100) > 1e-6 {
			t.Errorf("%v °C, %v %%: at the dew point %v °C the humidity is %v %%", celsius, humidity, dew, warmed(humidity, celsius, dew))
		}
	})
}

package w1

import (
	"math"
	"strings"
	"testing"
)

func TestTemperature(t *testing.T) {
	for _, test := range []struct {
		family string
		pad    scratchpad
		want   float64 // NaN: none
		reason string
	}{
		// DS18B20 data sheet, table 1: temperature/data relationship.
		{"28", scratchpad{0xD0, 0x07, 0, 0, 0x7F, 0xFF, 0x10, 0x10}, 125, ""},
		{"28", scratchpad{0x91, 0x01, 0, 0, 0x7F, 0xFF, 0x0F, 0x10}, 25.0625, ""},
		{"28", scratchpad{0x00, 0x00, 0, 0, 0x7F, 0xFF, 0x10, 0x10}, 0, ""},
		{"28", scratchpad{0xF8, 0xFF, 0, 0, 0x7F, 0xFF, 0x08, 0x10}, -0.5, ""},
		{"28", scratchpad{0x90, 0xFC, 0, 0, 0x7F, 0xFF, 0x10, 0x10}, -55, ""},
		{"22", scratchpad{0x5E, 0xFF, 0, 0, 0x7F, 0xFF, 0x02, 0x10}, -10.125, ""},
		// At 9 and 11 bits the lowest mean nothing.
		{"28", scratchpad{0x97, 0x01, 0, 0, 0x1F, 0xFF, 0x09, 0x10}, 25, ""},
		{"28", scratchpad{0x93, 0x01, 0, 0, 0x5F, 0xFF, 0x0D, 0x10}, 25.125, ""},
		// DS18S20 data sheet, table 1, without what its counters add.
		{"10", scratchpad{0xAA, 0x00, 0, 0, 0xFF, 0xFF, 0x0D, 0x10}, 84.9375, ""},
		{"10", scratchpad{0x32, 0x00, 0, 0, 0xFF, 0xFF, 0x0C, 0x10}, 25, ""},
		{"10", scratchpad{0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0x0C, 0x10}, -1, ""},
		{"10", scratchpad{0x92, 0xFF, 0, 0, 0xFF, 0xFF, 0x0C, 0x10}, -55, ""},
		{"10", scratchpad{0x2C, 0x00, 0, 0, 0xFF, 0xFF, 0x00, 0x10}, 22.75, ""},

		// 85 °C measured, and as at power-on.
		{"28", scratchpad{0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x10, 0x10}, 85, ""},
		{"28", scratchpad{0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10}, math.NaN(), "power-on value: "},
		{"22", scratchpad{0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10}, math.NaN(), "check supply, pull-up"},
		{"10", scratchpad{0xAA, 0x00, 0x4B, 0x46, 0xFF, 0xFF, 0x0C, 0x10}, math.NaN(), "power-on value: "},
		{"28", scratchpad{}, math.NaN(), "shorted to ground"},
		{"10", scratchpad{}, math.NaN(), "shorted to ground"},
		{"10", scratchpad{0x32, 0x00, 0, 0, 0xFF, 0xFF, 0x0C, 0x00}, math.NaN(), "counters cannot be right"},
		{"10", scratchpad{0x32, 0x00, 0, 0, 0xFF, 0xFF, 0x11, 0x10}, math.NaN(), "counters cannot be right"},
	} {
		got := test.pad.temperature(test.family)
		if !(got.Value == test.want || math.IsNaN(got.Value) && math.IsNaN(test.want)) || !strings.Contains(got.Reason, test.reason) {
			t.Errorf("family %s, % x: %+v, want %v %s", test.family, test.pad, got, test.want, test.reason)
		}
	}
}

// Whatever the kernel writes: an error, a temperature, or why there is none.
func FuzzScratchpad(f *testing.F) {
	f.Add("28", "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n")
	f.Add("10", "32 00 4b 46 ff ff 04 10 a1 : crc=a1 YES\n")
	f.Add("28", "50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n")
	f.Add("28", "00 00 00 00 00 00 00 00 00 : crc=00 YES\n")
	f.Add("28", "ff ff ff ff ff ff ff ff ff : crc=c9 NO\n")
	f.Add("", " YES")
	f.Fuzz(func(t *testing.T, family, text string) {
		pad, err := parse([]byte(text))
		if err != nil {
			return
		}
		if m := pad.temperature(family); m.Valid() == (m.Reason != "") {
			t.Errorf("%q: %+v", text, m)
		}
	})
}

package adc

import (
	"encoding"
	"testing"
)

var _ encoding.TextUnmarshaler = (*Ohms)(nil)

func TestOhms(t *testing.T) {
	for text, want := range map[string]Ohms{
		"330": 330, "10000": 10e3, "10k": 10e3, "10K": 10e3, "4.7k": 4700, "4k7": 4700,
		"1M": 1e6, "2M2": 2.2e6, "1": 1, "100M": 100e6, "0.5k": 500, "k47": 470,
	} {
		var got Ohms
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "k", "10m", "10kk", "4k7k", "4.7k7", "10 k", "-10k", "0", "0k", "0.5", "200M",
		"NaN", "Inf", "0x10", "1e3", "4ke3", "1_000", "10kΩ",
	} {
		got := Ohms(42)
		if err := got.UnmarshalText([]byte(text)); err == nil || got != 42 {
			t.Errorf("%q: %v, %v; want an error and nothing changed", text, got, err)
		}
	}
}

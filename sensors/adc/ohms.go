package adc

import (
	"fmt"
	"strconv"
	"strings"
)

// Ohms is a resistance, written as on a circuit diagram: "330", "10k", "4k7",
// "4.7k", "1M".
type Ohms float64

// UnmarshalText implements [encoding.TextUnmarshaler] for 1 Ω to 100 MΩ.
func (o *Ohms) UnmarshalText(text []byte) error {
	number, factor := string(text), 1.0
	if i := strings.IndexAny(number, "kKM"); i >= 0 {
		factor = 1e3
		if number[i] == 'M' {
			factor = 1e6
		}
		whole, rest := number[:i], number[i+1:]
		number = whole
		if rest != "" { // 4k7 is 4.7k
			number += "." + rest
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || strings.Trim(number, "0123456789.") != "" { // no hex, exponent, Inf
		return fmt.Errorf("%q is no resistance: write it like 330, 10k, 4k7 or 1M", text)
	}
	ohms := n * factor
	if !(ohms >= 1 && ohms <= 100e6) { // so written, it refuses NaN
		return fmt.Errorf("%q is outside 1 Ω to 100 MΩ", text)
	}
	*o = Ohms(ohms)
	return nil
}

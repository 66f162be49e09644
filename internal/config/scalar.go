package config

import (
	"encoding"
	"errors"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxString bounds a text, in bytes: a path is the longest that makes sense.
const maxString = 4096

// isScalar reports whether a value of type t is written as one text.
func isScalar(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return reflect.PointerTo(t).Implements(unmarshalerType)
}

// setText fills v, whose type isScalar, from its text, or leaves it as it is
// and returns an error. A type that unmarshals text does so itself.
func setText(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	if c, ok := v.Interface().(chooser); ok && !slices.Contains(c.choices(), text) {
		return advise(quote(text)+" is not one of "+list(c.choices()), suggest(text, c.choices(), "write one of"))
	}
	switch kind := v.Kind(); {
	case v.Type() == durationType:
		duration, err := parseDuration(text)
		if err == nil {
			v.SetInt(int64(duration))
		}
		return err
	case kind == reflect.String:
		if len(text) > maxString || !printable(text) {
			return advise(quote(text)+" is too long or holds what cannot be printed", "write plain text")
		}
		v.SetString(text)
		return nil
	case kind == reflect.Bool:
		if text != "true" && text != "false" {
			return advise(quote(text)+" is neither true nor false", "write true or false")
		}
		v.SetBool(text == "true")
		return nil
	case v.CanFloat():
		return setFloat(v, text)
	default:
		return setInteger(v, text)
	}
}

func setFloat(v reflect.Value, text string) error {
	f, err := strconv.ParseFloat(text, v.Type().Bits())
	switch {
	case errors.Is(err, strconv.ErrSyntax) && strings.Contains(text, ","):
		return advise(quote(text)+" is not a number", "write "+strings.ReplaceAll(text, ",", "."))
	case errors.Is(err, strconv.ErrSyntax), math.IsNaN(f):
		return advise(quote(text)+" is not a number", "write it like 3.3")
	case math.IsInf(f, 0):
		return advise(quote(text)+" is not a finite number", "write it like 3.3")
	}
	v.SetFloat(f)
	return nil
}

func setInteger(v reflect.Value, text string) error {
	digits := strings.TrimLeft(text, "+-")
	if len(digits) > 1 && digits[0] == '0' && '0' <= digits[1] && digits[1] <= '9' {
		// Octal to YAML 1.1 and to Go, decimal to YAML 1.2 and to most people.
		return advise(quote(text)+" starts with a zero, which can be read in two ways", "write 0x… for hexadecimal, or no zero")
	}
	var err error
	if v.CanInt() {
		var i int64
		if i, err = strconv.ParseInt(text, 0, v.Type().Bits()); err == nil {
			v.SetInt(i)
		}
	} else {
		var u uint64
		if u, err = strconv.ParseUint(text, 0, v.Type().Bits()); err == nil {
			v.SetUint(u)
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strconv.ErrRange):
		return advise(quote(text)+" is out of range", "write a number nearer to 0")
	case v.CanUint() && strings.HasPrefix(text, "-"):
		return advise(quote(text)+" is below 0", "write 0 or more")
	}
	return advise(quote(text)+" is not a whole number", "write it like 10 or 0x0a")
}

// parseDuration reads "150ms", "2m", or a plain number of seconds.
func parseDuration(text string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		ns := seconds * float64(time.Second)
		if !(math.Abs(ns) < math.MaxInt64) { // also true of NaN
			return 0, advise(quote(text)+" is too long", "write a number of seconds up to a day")
		}
		return time.Duration(math.Round(ns)), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, advise(quote(text)+" is not a duration", "write a number of seconds, or one with a unit such as 500ms, 10s, 2m, 1h30m")
	}
	return d, nil
}

// formatDuration writes d the way a person would: 2m, not 2m0s.
func formatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// A Size is a number of bytes.
type Size int64

// sizeUnits are the units a size is written in, the largest first and binary
// before decimal.
var sizeUnits = []struct {
	name  string
	bytes Size
}{
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"GB", 1e9},
	{"MB", 1e6},
	{"kB", 1e3},
	{"B", 1},
}

// UnmarshalText reads "64MiB", "500kB" or a plain number of bytes.
func (s *Size) UnmarshalText(text []byte) error {
	number, unit := string(text), Size(1)
	for _, u := range sizeUnits {
		if before, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(before), u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil || Size(n) > math.MaxInt64/unit {
		return advise(quote(string(text))+" is not a size", "write a whole number with B, kB, KiB, MB, MiB, GB or GiB, such as 64MiB")
	}
	*s = Size(n) * unit
	return nil
}

// String writes the size in the largest unit that gives a whole number.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.name
		}
	}
	return "0B"
}

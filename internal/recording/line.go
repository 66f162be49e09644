package recording

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

const (
	i2cPrefix = "i2c-"
	spiPrefix = "spi-"

	maxError = 1000        // bytes of an error's text that are written
	maxTook  = time.Minute // that a transaction is believed to have taken
)

// appendLine appends a transaction as a line:
//
//	12.345678 i2c-1 0x76 write=f7 read=655ac07ed0006a7b took=0.000412
//	12.360000 i2c-1 0x76 write=f7 asked=8 took=0.000210 errno=121 error="remote I/O error"
func appendLine(b []byte, t Transaction) []byte {
	b = appendSeconds(b, t.At)
	b = append(append(b, ' '), t.Bus...)
	if strings.HasPrefix(t.Bus, i2cPrefix) {
		b = fmt.Appendf(b, " %#02x", t.Address)
	}
	if t.Missing > 0 {
		b = strconv.AppendUint(append(b, " missing="...), t.Missing, 10)
	}
	if len(t.Written) > 0 {
		b = hex.AppendEncode(append(b, " write="...), t.Written)
	}
	switch {
	case t.Asked == 0:
	case t.Err != nil:
		b = strconv.AppendInt(append(b, " asked="...), int64(t.Asked), 10)
	default:
		b = hex.AppendEncode(append(b, " read="...), t.Read)
	}
	b = appendSeconds(append(b, " took="...), min(t.Took, maxTook)) // longer when the program was stopped meanwhile
	if t.Err != nil {
		var errno syscall.Errno
		if errors.As(t.Err, &errno) && errno != 0 {
			b = strconv.AppendUint(append(b, " errno="...), uint64(errno), 10)
		}
		b = strconv.AppendQuote(append(b, " error="...), shorten(t.Err.Error()))
	}
	return append(b, '\n')
}

// appendSeconds appends d in seconds, to the microsecond.
func appendSeconds(b []byte, d time.Duration) []byte {
	us := max(d.Round(time.Microsecond).Microseconds(), 0)
	return fmt.Appendf(b, "%d.%06d", us/1e6, us%1e6)
}

// shorten cuts off what is too long of a text, between two characters unless it
// has none.
func shorten(text string) string {
	if len(text) <= maxError {
		return text
	}
	end := maxError
	for end > maxError-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// parseLine reads what appendLine writes.
func parseLine(line string) (t Transaction, err error) {
	at, rest, _ := strings.Cut(line, " ")
	if t.At, err = parseSeconds(at, math.MaxInt64); err != nil {
		return t, err
	}
	if t.Bus, rest, _ = strings.Cut(rest, " "); !isBus(t.Bus) {
		return t, fmt.Errorf("%.40q is not a bus: it is called like i2c-1 or spi-0.0", t.Bus)
	}
	if strings.HasPrefix(t.Bus, i2cPrefix) {
		var address string
		address, rest, _ = strings.Cut(rest, " ")
		n, err := strconv.ParseUint(address, 0, 7)
		if err != nil {
			return t, fmt.Errorf("%.40q is not the address of a chip: write 0x00 to 0x7f", address)
		}
		t.Address = uint16(n)
	}
	f := fields{rest: rest}
	if v, ok := f.next("missing"); ok {
		if t.Missing, err = strconv.ParseUint(v, 10, 64); err != nil {
			f.fail("missing=%.40s: write the number of transactions that are missing", v)
		}
	}
	if v, ok := f.next("write"); ok {
		t.Written = f.bytes("write", v)
	}
	failed := false
	if v, ok := f.next("read"); ok {
		t.Read = f.bytes("read", v)
		t.Asked = len(t.Read)
	} else if v, ok := f.next("asked"); ok {
		t.Asked, failed = f.number("asked", v, maxLength), true
	}
	if len(t.Written) == 0 && t.Asked == 0 {
		f.fail("nothing is written and nothing read")
	}
	if v, ok := f.next("took"); ok {
		if t.Took, err = parseSeconds(v, maxTook); err != nil {
			f.fail("took: %w", err)
		}
	} else {
		f.fail("took= is missing")
	}
	t.Err = f.recordedError()
	switch {
	case f.rest != "" || strings.HasSuffix(line, " "):
		return t, fmt.Errorf("what is %.40q for? The order is: missing, write, read or asked, took, errno, error", f.rest)
	case f.err != nil:
		return t, f.err
	case failed && t.Err == nil:
		return t, errors.New("asked= belongs to a transaction that failed: write error= too, or what was read")
	case t.Err != nil && t.Read != nil:
		return t, errors.New("a transaction that failed has read nothing: write asked= and the number of bytes")
	}
	return t, nil
}

// isBus accepts i2c-N and spi-B.C.
func isBus(name string) bool {
	numbers, isI2C := strings.CutPrefix(name, i2cPrefix)
	bus, chip := numbers, "0"
	if !isI2C {
		var isSPI, dot bool
		numbers, isSPI = strings.CutPrefix(name, spiPrefix)
		if bus, chip, dot = strings.Cut(numbers, "."); !isSPI || !dot {
			return false
		}
	}
	for _, number := range []string{bus, chip} {
		if n, err := strconv.ParseUint(number, 10, 20); err != nil || strconv.FormatUint(n, 10) != number {
			return false
		}
	}
	return true
}

// parseSeconds reads seconds with exactly six decimals.
func parseSeconds(s string, most time.Duration) (time.Duration, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseUint(whole, 10, 33)
	us, errUs := strconv.ParseUint(fraction, 10, 20)
	if err != nil || errUs != nil || len(fraction) != 6 {
		return 0, fmt.Errorf("%.40q is not a time: write seconds with six decimals, such as 0.000412", s)
	}
	d := time.Duration(sec)*time.Second + time.Duration(us)*time.Microsecond
	if d > most {
		return 0, fmt.Errorf("%v is longer than the %v that a transaction can take", d, most)
	}
	return d, nil
}

package catalog

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
)

// far is how many transactions there may be from the first flipped bit to the
// second: more than from starting a measurement to finding that it runs.
const far = 4

// zeroes are the drivers of chips with several registers that hold 0: two of
// those, read one after the other for the one that was meant, are 0 alike.
var zeroes = map[string]bool{"ina219": true, "mcp9808": true}

// Any two bits flipped in a reading, the first in what is written: a start that
// gets lost, and what was to find that out. But not the same bit in two reads
// running, which is beyond telling; and not with a BH1750, which tells nothing of
// what it was told.
func TestTwoBitsFlipped(t *testing.T) {
	sameCode := []string{"bmp280", "bme688", "ads1015"} // as bme280, bme680, ads1115; this takes long
	for _, s := range subjects {
		if s.driver == "bh1750" || slices.Contains(sameCode, s.driver) {
			continue
		}
		t.Run(s.driver, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				truth := measured(t, s)
				opened, quiet := newLife(s, false, false), newLife(s, false, false)
				opened.live(t, 1)
				quiet.live(t, 2)
				for n := len(opened.sizes); n < len(quiet.sizes); n++ {
					for bit := range 8 * quiet.sizes[n][0] {
						for distance := 1; distance <= far; distance++ {
							s.flipSecond(t, truth, n, bit, n+distance)
						}
					}
				}
			})
		})
	}
}

// flipSecond flips a bit of transaction n, and in a life for each one of those
// of transaction m.
func (s subject) flipSecond(t *testing.T, truth truths, n, bit, m int) {
	for second, bits := 0, 1; second < bits; second++ {
		l := newLife(s, false, false)
		l.flip(map[int]int{n: bit, m: second})
		readings := l.live(t, 3)
		if m >= len(l.sizes) {
			return // it was over before
		}
		size := l.sizes[m]
		bits = 8 * (size[0] + size[1])
		again := m == n+1 && size == l.sizes[n] && size[1] > 0
		elsewhere := zeroes[s.driver] && second < 8*size[0]
		if again && (second == bit || elsewhere) {
			continue
		}
		l.check(t, fmt.Sprintf("bit %d of transaction %d, bit %d of transaction %d", bit, n, second, m), readings, truth)
	}
}

// flip has a bit flipped in transactions, counted from the first written to the
// last read.
func (l *line) flip(bits map[int]int) {
	in := func(b []byte, from int) {
		if bit, ok := bits[l.n]; ok && bit >= 8*from && bit < 8*(from+len(b)) {
			b[bit/8-from] ^= 1 << (bit % 8)
		}
	}
	l.before = func(w, _ []byte) error { in(w, 0); return nil }
	l.after = func(_, r []byte) error { in(r, l.sizes[l.n][0]); return nil }
}

package bosch

import (
	"slices"
	"testing"
	"testing/synctest"

	"sensor-agent/internal/chips"
)

// FuzzRegisters gives chips any calibration and any result: whatever they hold,
// a measurement is a number in its range, or none with a reason.
func FuzzRegisters(f *testing.F) {
	f.Add(byte(0), slices.Concat(calib280[:], calib280H[:], unhex("655ac07eed007530")))
	f.Add(byte(1), slices.Concat(calib680A[:], calib680B[:], calib680C[:], unhex("800049e7207a5b9054c800000090b30000")))
	f.Add(byte(2), slices.Concat(calib688A[:], calib688B[:], calib688C[:], unhex("80005bf2c07af8a054f50000000000da38")))
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		next := func(n int) []byte {
			b := make([]byte, n)
			data = data[copy(b, data):]
			return b
		}
		calib := func(n int) []byte {
			b := next(n)
			if same(b, 0x00) || same(b, 0xFF) {
				b[0] ^= 1 // a blank one is refused, as it should be
			}
			return b
		}
		synctest.Test(t, func(t *testing.T) {
			var chip chips.Chip
			if kind%3 == 0 {
				c := chips.NewBME280([26]byte(calib(26)), [7]byte(calib(7)))
				c.SetData([8]byte(next(8)))
				chip = c
			} else {
				c := chips.NewBME680(kind%3-1, [23]byte(calib(23)), [14]byte(calib(14)), [5]byte(calib(5)))
				field := [17]byte(next(17))
				field[0] |= bme68xNewData
				c.SetField(field)
				chip = c
			}
			v := read(t, newBench(chip).open(t, defaults(t, "bme688")))
			if v[1] < 0 || v[1] > 100 || v[2] <= 0 || v[3] < 0 {
				t.Errorf("impossible reading %v", v)
			}
		})
	})
}

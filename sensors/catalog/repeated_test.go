package catalog

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
)

// change has a chip measure something else from now on.
func change(t *testing.T, c chips.Chip) {
	switch c := c.(type) {
	case *chips.BME280:
		c.SetRaw(530000, 400000, 31000)
	case *chips.BME680:
		c.SetField([17]byte(unhex("800055e7207b5b9055c800000090c30000")))
	case *chips.ADS1115:
		c.Set(0, 1600)
	case *chips.BH1750:
		c.Shine(3300)
	case *chips.AHT20:
		c.Temperature = 0x50000
	case *chips.SHT4x:
		c.Temperature = 0x5000
	case *chips.HDC302x:
		c.Temperature = 0x5000
	case *chips.SCD4x:
		c.CO2 = 900
	case *chips.MCP9808:
		c.Temperature = 0x0164
	case *chips.TMP102:
		c.Temperature = 0x1500
	case *chips.INA219:
		c.Bus = 2000
	default:
		t.Fatalf("%T measures always the same", c)
	}
}

// A command to measure that is lost to a flipped bit leaves the result of the
// reading before in the chip. It does not pass for a new one.
func TestLostCommandRepeatsNoValue(t *testing.T) {
	for _, s := range subjects {
		t.Run(s.driver, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for n, size := range secondReading(t, s, -1, 0) {
					for bit := range 8 * size[0] {
						secondReading(t, s, n, bit)
					}
				}
			})
		})
	}
}

// secondReading reads a chip twice, before and after what it measures has
// changed, with a bit flipped in what the n-th transaction of the second reading
// writes. It returns the sizes of the transactions of that reading.
func secondReading(t *testing.T, s subject, n, bit int) [][2]int {
	l := newLife(s, false, false)
	sensor, err := planned(t, s.driver).Open(t.Context(), wire(&l.line, s.driver))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(6 * time.Second)
	r, err := sensor.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(r)
	change(t, l.chips[0].Chip)
	time.Sleep(6 * time.Second)
	first := l.n
	l.before = l.at(first+n, func(w, _ []byte) error { w[bit/8] ^= 1 << (bit % 8); return nil })
	r, err = sensor.Read(t.Context())
	if err == nil && r[0].Valid() && r[0].Quality == sensors.Good && r[0].Value == before[0].Value {
		t.Errorf("transaction %d, bit %d of what is written: reads %v once more", n, bit, r)
	}
	return l.sizes[first:]
}

package chips

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// inBubble runs a test in a bubble, where the chips' time costs none.
func inBubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// setRegisters writes registers of a chip as pairs of address and data.
func setRegisters(t *testing.T, c Chip, pairs ...byte) {
	t.Helper()
	if err := c.Tx(pairs, nil); err != nil {
		t.Fatal(err)
	}
}

// checkRegisters checks n registers from reg.
func checkRegisters(t *testing.T, c Chip, reg byte, want ...byte) {
	t.Helper()
	got := make([]byte, len(want))
	if err := c.Tx([]byte{reg}, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("registers from %#02x read %x, want %x", reg, got, want)
	}
}

func testCalib280() (a [26]byte, b [7]byte) {
	for i := range a {
		a[i] = byte(i + 1)
	}
	for i := range b {
		b[i] = byte(0x80 + i)
	}
	return a, b
}

func TestBME280(t *testing.T) {
	inBubble(t, "wire", func(t *testing.T) {
		c := NewBME280(testCalib280())
		setRegisters(t, c, 0xF2, 0x03, 0xF5, 0xA8)
		checkRegisters(t, c, 0xF2, 0x03, 0x00, 0x00, 0xA8)
		checkRegisters(t, c, 0x88, 1, 2, 3)
		// Without an address, reading goes on behind the last one.
		next := make([]byte, 2)
		if err := c.Tx(nil, next); err != nil || !bytes.Equal(next, []byte{4, 5}) {
			t.Errorf("reading on gives %x, %v; want 0405", next, err)
		}
		setRegisters(t, c, 0xD0, 0x00, 0x88, 0xFF, 0xF7, 0x12, 0xE0, 0x00)
		checkRegisters(t, c, 0xD0, 0x60)
		checkRegisters(t, c, 0x88, 1)
		checkRegisters(t, c, 0xF7, 0x80)
		checkRegisters(t, c, 0xF5, 0xA8)
	})

	inBubble(t, "forced measurement", func(t *testing.T) {
		c := NewBME280(testCalib280())
		c.MeasureTime = 40 * time.Millisecond
		c.SetRaw(0x12345, 0x6789A, 0xBCDE)
		setRegisters(t, c, 0xF2, 0x01, 0xF4, 0x25)
		time.Sleep(20 * time.Millisecond)
		setRegisters(t, c, 0xF4, 0x25) // changes nothing
		time.Sleep(20*time.Millisecond - time.Nanosecond)
		checkRegisters(t, c, 0xF3, 0x08, 0x25)
		checkRegisters(t, c, 0xF7, 0x80, 0, 0, 0x80, 0, 0, 0x80, 0)
		time.Sleep(time.Nanosecond)
		checkRegisters(t, c, 0xF3, 0x00, 0x24)
		checkRegisters(t, c, 0xF7, 0x67, 0x89, 0xA0, 0x12, 0x34, 0x50, 0xBC, 0xDE)
	})

	inBubble(t, "channels left out", func(t *testing.T) {
		c := NewBME280(testCalib280())
		c.SetRaw(1, 2, 3)
		setRegisters(t, c, 0xF4, 0x01, 0xF2, 0x01) // ctrl_hum comes too late
		time.Sleep(time.Second)
		checkRegisters(t, c, 0xF7, 0x80, 0, 0, 0x80, 0, 0, 0x80, 0)
	})

	inBubble(t, "typical time", func(t *testing.T) {
		c := NewBME280(testCalib280())
		setRegisters(t, c, 0xF2, 0x01, 0xF4, 0x55) // 1, 2 and 16 conversions
		time.Sleep(40*time.Millisecond - time.Nanosecond)
		checkRegisters(t, c, 0xF3, 0x08)
		time.Sleep(time.Nanosecond)
		checkRegisters(t, c, 0xF3, 0x00)
	})

	inBubble(t, "reset", func(t *testing.T) {
		c := NewBME280(testCalib280())
		c.CopyTime = 5 * time.Millisecond
		c.SetRaw(1, 2, 3)
		for _, reset := range []func(){func() { setRegisters(t, c, 0xE0, 0xB6) }, c.Reset} {
			setRegisters(t, c, 0xF2, 0x01, 0xF5, 0x10, 0xF4, 0x25)
			reset()
			checkRegisters(t, c, 0xF2, 0, 0x01, 0, 0, 0, 0x80)
			checkRegisters(t, c, 0x88, 0, 0)
			checkRegisters(t, c, 0xE1, 0, 0)
			time.Sleep(5 * time.Millisecond)
			checkRegisters(t, c, 0xF3, 0x00)
			checkRegisters(t, c, 0x88, 1, 2)
			checkRegisters(t, c, 0xE1, 0x80, 0x81)
			time.Sleep(time.Second)
			checkRegisters(t, c, 0xF7, 0x80, 0, 0) // the measurement is lost
		}
	})

	inBubble(t, "stuck", func(t *testing.T) {
		c := NewBME280(testCalib280())
		c.SetRaw(1, 2, 3)
		c.Stick(true)
		setRegisters(t, c, 0xF4, 0x25)
		time.Sleep(time.Hour)
		checkRegisters(t, c, 0xF3, 0x08, 0x25)
		c.Stick(false)
		checkRegisters(t, c, 0xF3, 0x00, 0x24)
	})

	inBubble(t, "BMP280", func(t *testing.T) {
		c := NewBMP280([24]byte{0: 7, 23: 9})
		checkRegisters(t, c, 0xD0, 0x58)
		checkRegisters(t, c, 0x9F, 9, 0, 0)
		c.SetRaw(0x12345, 0x6789A, 0xBCDE)
		setRegisters(t, c, 0xF2, 0x01, 0xF4, 0x25)
		time.Sleep(time.Second)
		checkRegisters(t, c, 0xF2, 0, 0, 0x24)
		checkRegisters(t, c, 0xF7, 0x67, 0x89, 0xA0, 0x12, 0x34, 0x50, 0, 0)
	})
}

func TestBME680(t *testing.T) {
	raw := BME680Raw{
		Temperature: 0x12345, Pressure: 0x6789A, Humidity: 0xBCDE,
		Gas: 0x2AB, GasRange: 5, GasValid: true, HeatStable: true,
	}
	tph := []byte{0x67, 0x89, 0xA0, 0x12, 0x34, 0x50, 0xBC, 0xDE, 0, 0, 0}
	tests := []struct {
		name                string
		variant, off, run   byte
		measuring           byte
		lowA, lowB, hiA, hB byte
	}{
		{"BME680", BME680Variant, 0, 0x10, 0x60, 0xAA, 0xF5, 0, 0},
		{"BME688", BME688Variant, 0, 0x20, 0x60, 0, 0, 0xAA, 0xF5},
		{"run_gas of the other", BME688Variant, 0, 0x10, 0x20, 0, 0, 0xAA, 0xC5},
		{"heater off", BME680Variant, 0x08, 0x10, 0x20, 0xAA, 0xC5, 0, 0},
	}
	for _, tt := range tests {
		inBubble(t, tt.name, func(t *testing.T) {
			c := NewBME680(tt.variant, [23]byte{1}, [14]byte{2}, [5]byte{3})
			c.MeasureTime = 180 * time.Millisecond
			c.SetRaw(raw)
			checkRegisters(t, c, 0xD0, 0x61)
			checkRegisters(t, c, 0xF0, tt.variant)
			checkRegisters(t, c, 0x8A, 1)
			checkRegisters(t, c, 0xE1, 2)
			checkRegisters(t, c, 0x00, 3)
			for range 2 {
				setRegisters(t, c, 0x70, tt.off, 0x71, tt.run, 0x72, 0x01, 0x74, 0x25)
				time.Sleep(180*time.Millisecond - time.Nanosecond)
				checkRegisters(t, c, 0x1D, tt.measuring)
				checkRegisters(t, c, 0x74, 0x25)
				time.Sleep(time.Nanosecond)
				want := append([]byte{0x80, 0}, tph...)
				checkRegisters(t, c, 0x1D, append(want, tt.lowA, tt.lowB, tt.hiA, tt.hB)...)
				checkRegisters(t, c, 0x74, 0x24)
			}
		})
	}

	inBubble(t, "channels left out", func(t *testing.T) {
		c := NewBME680(BME680Variant, [23]byte{}, [14]byte{}, [5]byte{})
		c.SetRaw(raw)
		setRegisters(t, c, 0x74, 0x01)
		time.Sleep(time.Second)
		checkRegisters(t, c, 0x1D, 0x80, 0, 0x80, 0, 0, 0x80, 0, 0, 0x80, 0)
	})

	inBubble(t, "time of the settings", func(t *testing.T) {
		c := NewBME680(BME680Variant, [23]byte{}, [14]byte{}, [5]byte{})
		setRegisters(t, c, 0x64, 0x65, 0x71, 0x10, 0x72, 0x01, 0x74, 0x25) // 3 conversions, 148 ms
		d := 3*1963*time.Microsecond + 9*477*time.Microsecond + 148*time.Millisecond
		time.Sleep(d - time.Nanosecond)
		checkRegisters(t, c, 0x1D, 0x60)
		time.Sleep(time.Nanosecond)
		checkRegisters(t, c, 0x1D, 0x00) // as its result was never set
	})

	inBubble(t, "reset", func(t *testing.T) {
		c := NewBME680(BME680Variant, [23]byte{1}, [14]byte{2}, [5]byte{3})
		c.SetRaw(raw)
		for _, reset := range []func(){func() { setRegisters(t, c, 0xE0, 0xB6) }, c.Reset} {
			setRegisters(t, c, 0x71, 0x10, 0x5A, 0x77, 0x74, 0x25)
			reset()
			checkRegisters(t, c, 0x8A, 0)
			time.Sleep(time.Second)
			checkRegisters(t, c, 0x8A, 1)
			checkRegisters(t, c, 0x1D, 0)
			checkRegisters(t, c, 0x71, 0, 0, 0, 0, 0)
			checkRegisters(t, c, 0x5A, 0)
		}
	})

	inBubble(t, "wire", func(t *testing.T) {
		c := NewBME680(BME680Variant, [23]byte{1}, [14]byte{2}, [5]byte{3})
		setRegisters(t, c, 0xD0, 0, 0xF0, 9, 0x8A, 9, 0x00, 9, 0x1D, 9, 0x73, 9, 0x75, 0x0C)
		var got []byte
		for _, reg := range []byte{0xD0, 0xF0, 0x8A, 0x00, 0x1D, 0x73, 0x75} {
			got = append(got, c.Register(reg))
		}
		if diff := cmp.Diff([]byte{0x61, 0, 1, 3, 0, 0, 0x0C}, got); diff != "" {
			t.Errorf("registers after writing to all (-want +got):\n%s", diff)
		}
	})
}

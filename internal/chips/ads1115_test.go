package chips_test

import (
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
	"sensor-agent/internal/chips/vectors"
)

// register reads a 16-bit register.
func register(t *testing.T, chip chips.Chip, address byte) uint16 {
	t.Helper()
	r := make([]byte, 2)
	if err := chip.Tx([]byte{address}, r); err != nil {
		t.Fatal(err)
	}
	return uint16(r[0])<<8 | uint16(r[1])
}

func write(t *testing.T, chip chips.Chip, w ...byte) {
	t.Helper()
	if err := chip.Tx(w, nil); err != nil {
		t.Fatal(err)
	}
}

func TestADS1115AfterPowerUp(t *testing.T) {
	type reset struct {
		Config string
		Low    string `json:"lo_thresh"`
		High   string `json:"hi_thresh"`
	}
	for _, want := range vectors.Rows[reset](t, "ads1115_reset") {
		chip := chips.NewADS1115()
		for address, hexadecimal := range map[byte]string{1: want.Config, 2: want.Low, 3: want.High} {
			b := decoded(t, hexadecimal)
			if got := register(t, chip, address); got != uint16(b[0])<<8|uint16(b[1]) {
				t.Errorf("register %d is %04x, want %s", address, got, hexadecimal)
			}
		}
	}
}

// The configuration's codes are taken from the reference: the simulated chip
// must take as long as it says, with the slowest oscillator as well.
func TestADS1115ConversionTimeVectors(t *testing.T) {
	type config struct {
		ID         string
		Wire       string
		SingleShot bool    `json:"single_shot"`
		Nominal    float64 `json:"conv_us_nominal"`
		Longest    float64 `json:"conv_us_max"`
	}
	for _, c := range vectors.Rows[config](t, "ads1115_config") {
		if !c.SingleShot {
			continue
		}
		for oscillator, µs := range map[float64]float64{1: c.Nominal, 0.9: c.Longest} {
			synctest.Test(t, func(t *testing.T) {
				chip := chips.NewADS1115()
				chip.Oscillator(oscillator)
				write(t, chip, decoded(t, c.Wire)...)
				conversion := time.Duration(µs * float64(time.Microsecond))
				time.Sleep(conversion - 2*time.Nanosecond)
				if register(t, chip, 1)&0x8000 != 0 {
					t.Errorf("%s: ready before %v", c.ID, conversion)
				}
				time.Sleep(4 * time.Nanosecond)
				if register(t, chip, 1)&0x8000 == 0 {
					t.Errorf("%s: not ready after %v", c.ID, conversion)
				}
			})
		}
	}
}

func TestADS1115HoldsTheConversionBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewADS1115()
		chip.Set(0, 1111)
		chip.Set(1, -2222)
		write(t, chip, 1, 0xC3, 0x83) // AIN0, 128 a second
		time.Sleep(8 * time.Millisecond)
		write(t, chip, 1, 0xD3, 0x83) // AIN1
		if got := int16(register(t, chip, 0)); got != 1111 {
			t.Errorf("while AIN1 converts: %d, want 1111 of AIN0", got)
		}
		write(t, chip, 1, 0xC3, 0x83) // ignored but for the settings
		time.Sleep(8 * time.Millisecond)
		if got := int16(register(t, chip, 0)); got != -2222 {
			t.Errorf("after it: %d, want -2222", got)
		}
		chip.Stick(true)
		write(t, chip, 1, 0xC3, 0x83)
		time.Sleep(time.Hour)
		if register(t, chip, 1)&0x8000 != 0 {
			t.Error("stuck, and ready")
		}
		chip.PowerCycle()
		if got := register(t, chip, 1); got != 0x8583 {
			t.Errorf("configuration %04x after a power cycle", got)
		}
	})
}

func TestADS1015IsLeftAligned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewADS1015()
		chip.Set(2, 0x7FFF)
		write(t, chip, 1, 0xE3, 0x83) // AIN2, 1600 a second
		time.Sleep(625 * time.Microsecond)
		if got := register(t, chip, 0); got != 0x7FF0 {
			t.Errorf("%04x, want 7ff0", got)
		}
	})
}

package bosch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
)

// TestWhicheverChip opens each driver with each chip: the driver fixes the
// outputs, the chip their values, and the log tells when they do not match.
func TestWhicheverChip(t *testing.T) {
	whole := []struct {
		name   string
		chip   func() chips.Chip
		t, h   float64
		p, gas float64
	}{
		{"bmp280", func() chips.Chip { return newBMP280() }, reading280[0], none, reading280[2], none},
		{"bme280", func() chips.Chip { return newBME280() }, reading280[0], reading280[1], reading280[2], none},
		{"bme680", func() chips.Chip { return newBME680() }, reading680[0], reading680[1], reading680[2], reading680[3]},
		{"bme688", func() chips.Chip { return newBME688() }, reading688[0], reading688[1], reading688[2], reading688[3]},
	}
	remarks := map[string]string{
		"bmp280 finds bme280": "the chip is a BME280, not a BMP280: configure driver bme280 to have humidity too",
		"bmp280 finds bme680": "the chip is a BME680, not a BMP280: configure driver bme680 to have humidity and gas resistance too",
		"bmp280 finds bme688": "the chip is a BME688, not a BMP280: configure driver bme688 to have humidity and gas resistance too",
		"bme280 finds bmp280": "the chip is a BMP280, not a BME280: humidity will have no value; configure driver bmp280",
		"bme280 finds bme680": "the chip is a BME680, not a BME280: configure driver bme680 to have gas resistance too",
		"bme280 finds bme688": "the chip is a BME688, not a BME280: configure driver bme688 to have gas resistance too",
		"bme680 finds bmp280": "the chip is a BMP280, not a BME680: humidity and gas resistance will have no value; configure driver bmp280",
		"bme680 finds bme280": "the chip is a BME280, not a BME680: gas resistance will have no value; configure driver bme280",
		"bme680 finds bme688": "the chip is a BME688, not a BME680: configure driver bme688",
		"bme688 finds bmp280": "the chip is a BMP280, not a BME688: humidity and gas resistance will have no value; configure driver bmp280",
		"bme688 finds bme280": "the chip is a BME280, not a BME688: gas resistance will have no value; configure driver bme280",
		"bme688 finds bme680": "the chip is a BME680, not a BME688: configure driver bme680",
	}
	for _, d := range Drivers() {
		for _, w := range whole {
			name := d.Name + " finds " + w.name
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					want := []float64{w.t, w.h, w.p, w.gas}[:len(defaults(t, d.Name).Outputs)]
					if d.Name == "bmp280" {
						want = []float64{w.t, w.p}
					}
					b := newBench(w.chip())
					plan := defaults(t, d.Name)
					s := b.open(t, plan)
					for range 2 {
						start := time.Now()
						got := read(t, s)
						if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
							t.Errorf("reading (-want +got):\n%s", diff)
						}
						if took := time.Since(start); took > plan.Takes {
							t.Errorf("Read took %v, more than the planned %v", took, plan.Takes)
						}
					}
					log := b.log.String()
					if text := remarks[name]; !strings.Contains(log, text) || (text == "") != (log == "") {
						t.Errorf("log is %q, want %q", log, text)
					}
					if strings.Count(log, "\n") > 1 {
						t.Errorf("log has more than one line:\n%s", log)
					}
				})
			})
		}
	}
}

// TestMissingChannelHasReason checks that a null explains itself.
func TestMissingChannelHasReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(newBMP280()).open(t, defaults(t, "bme680"))
		r, err := s.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := r[1].Reason, "the chip is a BMP280, which has no humidity"; got != want {
			t.Errorf("reason for humidity is %q, want %q", got, want)
		}
		if got, want := r[3].Reason, "the chip is a BMP280, which has no gas resistance"; got != want {
			t.Errorf("reason for gas is %q, want %q", got, want)
		}
	})
}

func TestNarrowerFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := newBME280()
		b := newBench(chip)
		b.open(t, configured(t, "bme680", func(o *BME68xOptions) { o.Filter = 127 }))
		if got := chip.Register(bmx280Config) >> 2 & 0x07; got != 4 {
			t.Errorf("filter code = %d, want 4", got)
		}
		if !strings.Contains(b.log.String(), "16 is used") {
			t.Errorf("log does not tell of the other filter: %s", &b.log)
		}
	})
}

func TestNothingAnswers(t *testing.T) {
	b := &bench{}
	_, err := defaults(t, "bme280").Open(t.Context(), b.wire())
	if !errors.Is(err, sensors.ErrNotFound) {
		t.Errorf("error %v is not ErrNotFound", err)
	}
	for _, text := range []string{"0x76", "0x77", "no such device"} {
		if !strings.Contains(fmt.Sprint(err), text) {
			t.Errorf("error %q does not speak of %s", err, text)
		}
	}

	broken := errors.New("the bus hangs")
	b = newBench(newBME280())
	b.Fault(func(uint16, []byte, []byte) error { return broken })
	if _, err = defaults(t, "bme280").Open(t.Context(), b.wire()); !errors.Is(err, broken) || errors.Is(err, sensors.ErrNotFound) {
		t.Errorf("error %v: not the bus's error, or blames the chip for it", err)
	}
}

func TestOtherChip(t *testing.T) {
	tests := []struct {
		id, variant byte
		want        []string
	}{
		{0x00, 0, []string{"0x00", "no chip holds the bus"}},
		{0xFF, 0, []string{"0xff", "pull-ups"}},
		{0x55, 0, []string{"0x55", "BMP180"}},
		{0x57, 0, []string{"0x57", "samples of the BMP280"}},
		{0x61, 2, []string{"0x61", "variant 0x02"}},
		{0x60 + 1, 0xFF, []string{"0x61", "variant 0xff"}},
		{0xA5, 0, []string{"0xa5", "MS5611", "no BMP280, BME280, BME680 or BME688"}},
	}
	for _, tt := range tests {
		b := newBench(newBME280())
		b.Fault(func(_ uint16, w, r []byte) error {
			switch {
			case len(w) == 1 && w[0] == regID:
				r[0] = tt.id
			case len(w) == 1 && w[0] == regVariant:
				r[0] = tt.variant
			}
			return nil
		})
		_, err := defaults(t, "bme680").Open(t.Context(), b.wire())
		if !errors.Is(err, sensors.ErrNotFound) {
			t.Errorf("id %#02x: error %v is not ErrNotFound", tt.id, err)
		}
		for _, text := range tt.want {
			if !strings.Contains(fmt.Sprint(err), text) {
				t.Errorf("id %#02x: error %q does not speak of %q", tt.id, err, text)
			}
		}
	}
}

// TestAnyBitFlippedOnce disturbs each read in turn, from opening to the second
// reading: none may change a value, nor fail.
func TestAnyBitFlippedOnce(t *testing.T) {
	for _, tt := range []struct {
		driver string
		chip   func() chips.Chip
		want   []float64
	}{
		{"bme280", func() chips.Chip { return newBME280() }, reading280},
		{"bme688", func() chips.Chip { return newBME688() }, reading688},
	} {
		disturbed := true
		for victim := 0; disturbed; victim++ {
			disturbed = false
			synctest.Test(t, func(t *testing.T) {
				b, n := newBench(tt.chip()), 0
				b.Fault(func(_ uint16, _, r []byte) error {
					if len(r) == 0 {
						return nil
					}
					if n == victim {
						r[victim%len(r)] ^= 1 << (victim * 5 % 8)
						disturbed = true
					}
					n++
					return nil
				})
				s := b.open(t, defaults(t, tt.driver))
				for range 2 {
					if diff := cmp.Diff(tt.want, read(t, s)); diff != "" {
						t.Errorf("%s with read %d disturbed (-want +got):\n%s", tt.driver, victim, diff)
					}
				}
			})
		}
	}
}

// TestDisturbedBus has noise in every read: opening and reading fail in the
// end, and tell of the bus.
func TestDisturbedBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n byte
		noise := func(_ uint16, _, r []byte) error {
			for i := range r {
				n++
				r[i] ^= n
			}
			return nil
		}
		for _, chip := range []chips.Chip{newBME280(), newBME680()} {
			b := newBench(chip)
			s := b.open(t, defaults(t, "bme680"))
			b.Fault(noise)
			if r, err := s.Read(t.Context()); !errors.Is(err, errUnsteady) {
				t.Errorf("Read = %v, %v; want %v", r, err, errUnsteady)
			}
			if _, err := defaults(t, "bme680").Open(t.Context(), b.wire()); !errors.Is(err, errUnsteady) || errors.Is(err, sensors.ErrNotFound) {
				t.Errorf("Open: %v; want %v", err, errUnsteady)
			}
		}
	})
}

// TestEachTransactionFails fails each transaction in turn: the error reaches
// the caller, and the next opening works.
func TestEachTransactionFails(t *testing.T) {
	broken := errors.New("remote I/O error")
	for _, chip := range []chips.Chip{newBME280(), newBME680()} {
		failed := true
		for victim := 0; failed; victim++ {
			failed = false
			synctest.Test(t, func(t *testing.T) {
				b, n := newBench(chip), 0
				b.Fault(func(uint16, []byte, []byte) error {
					n++
					if n == victim+1 {
						failed = true
						return broken
					}
					return nil
				})
				plan := defaults(t, "bme680")
				s, err := plan.Open(t.Context(), b.wire())
				if err == nil {
					_, err = s.Read(t.Context())
				}
				if failed && !errors.Is(err, broken) {
					t.Errorf("transaction %d: error %v", victim, err)
				}
				b.Fault(nil)
				read(t, b.open(t, plan))
			})
		}
	}
}

// TestBlankCalibration has a chip that answers, with nothing in its memory.
func TestBlankCalibration(t *testing.T) {
	for _, reg := range []byte{bmx280Calib, bmx280CalibH} {
		for _, v := range []byte{0x00, 0xFF} {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(newBME280())
				b.Fault(func(_ uint16, w, r []byte) error {
					if len(r) > 0 && w[0] == reg {
						for i := range r {
							r[i] = v
						}
					}
					return nil
				})
				if _, err := defaults(t, "bme280").Open(context.Background(), b.wire()); err == nil {
					t.Errorf("Open of a chip with %#02x throughout the calibration at %#02x succeeded", v, reg)
				}
			})
		}
	}
}

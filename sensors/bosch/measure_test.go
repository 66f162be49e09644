package bosch

import (
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

// A resettable chip can be browned out, or made to measure for ever.
type resettable interface {
	chips.Chip
	Reset()
	Stick(bool)
}

// families are tests' two subjects: a driver and its chip.
var families = []struct {
	driver string
	chip   func() resettable
	want   []float64
}{
	{"bmp280", func() resettable { return newBMP280() }, []float64{reading280[0], reading280[2]}},
	{"bme280", func() resettable { return newBME280() }, reading280},
	{"bme680", func() resettable { return newBME680() }, reading680},
	{"bme688", func() resettable { return newBME688() }, reading688},
}

// eachFamily runs a test in a bubble with each chip opened by its driver.
func eachFamily(t *testing.T, test func(t *testing.T, b *bench, c resettable, plan sensors.Plan, s sensors.Sensor)) {
	for _, f := range families {
		t.Run(f.driver, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := f.chip()
				b := newBench(c)
				plan := defaults(t, f.driver)
				test(t, b, c, plan, b.open(t, plan))
			})
		})
	}
}

func TestResetBetweenReads(t *testing.T) {
	eachFamily(t, func(t *testing.T, b *bench, c resettable, plan sensors.Plan, s sensors.Sensor) {
		before := read(t, s)
		c.Reset()
		if r, err := s.Read(t.Context()); !errors.Is(err, errReset) {
			t.Fatalf("Read = %v, %v after a reset; want %v", r, err, errReset)
		}
		if diff := cmp.Diff(before, read(t, b.open(t, plan))); diff != "" {
			t.Errorf("reading after opening again (-before +after):\n%s", diff)
		}
	})
}

func TestResetWhileMeasuring(t *testing.T) {
	eachFamily(t, func(t *testing.T, _ *bench, c resettable, _ sensors.Plan, s sensors.Sensor) {
		read(t, s)
		time.AfterFunc(3*time.Millisecond, c.Reset)
		if r, err := s.Read(t.Context()); !errors.Is(err, errReset) {
			t.Errorf("Read = %v, %v when reset meanwhile; want %v", r, err, errReset)
		}
	})
}

// TestOtherSettings changes one setting while the chip measures: the result is
// not one of what was asked for.
func TestOtherSettings(t *testing.T) {
	changes := map[string][][2]byte{
		"bme280": {{bmx280CtrlHum, 2}, {bmx280CtrlMeas, 1 << 5}, {bmx280Config, 0}},
		"bme680": {
			{bme68xCtrlGas0, 0x08},
			{bme68xCtrlGas1, 0},
			{bme68xCtrlHum, 0},
			{bme68xCtrlMeas, 1 << 5},
			{bme68xConfig, 1 << 2},
		},
	}
	for _, f := range families {
		for _, change := range changes[f.driver] {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(f.chip())
				s := b.open(t, defaults(t, f.driver))
				time.AfterFunc(time.Millisecond, func() { b.Tx(0x76, change[:], nil) })
				if r, err := s.Read(t.Context()); !errors.Is(err, errReset) {
					t.Errorf("%s with %#02x in register %#02x: Read = %v, %v", f.driver, change[1], change[0], r, err)
				}
			})
		}
	}
}

// TestExchangedChip plugs another chip in between two reads.
func TestExchangedChip(t *testing.T) {
	eachFamily(t, func(t *testing.T, b *bench, _ resettable, _ sensors.Plan, s sensors.Sensor) {
		for _, f := range families {
			b.Plug(0x76, f.chip())
			if r, err := s.Read(t.Context()); err == nil {
				t.Errorf("Read = %v of a %s put in meanwhile", r, f.driver)
			}
		}
	})
}

func TestStuckChip(t *testing.T) {
	eachFamily(t, func(t *testing.T, b *bench, c resettable, plan sensors.Plan, s sensors.Sensor) {
		c.Stick(true)
		start, before := time.Now(), b.Transactions()
		r, err := s.Read(t.Context())
		if err == nil || !strings.Contains(fmt.Sprint(err), "still busy") {
			t.Errorf("Read = %v, %v of a chip that measures for ever", r, err)
		}
		if took := time.Since(start); took > plan.Takes {
			t.Errorf("Read took %v, more than the planned %v", took, plan.Takes)
		}
		if n := b.Transactions() - before; n > 100 {
			t.Errorf("Read took %d transactions to give up", n)
		}
	})
}

func TestStuckMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := newBME280()
		chip.CopyTime = time.Hour
		start := time.Now()
		if _, err := defaults(t, "bme280").Open(t.Context(), newBench(chip).wire()); err == nil {
			t.Error("opened a chip whose calibration is still being copied")
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("Open took %v to give up", took)
		}
	})
}

// TestBusStuck has all lines high or low: the error tells which.
func TestBusStuck(t *testing.T) {
	for _, level := range []byte{0x00, 0xFF} {
		eachFamily(t, func(t *testing.T, b *bench, _ resettable, _ sensors.Plan, s sensors.Sensor) {
			b.Fault(func(_ uint16, _, r []byte) error {
				for i := range r {
					r[i] = level
				}
				return nil
			})
			want := map[byte]error{0x00: sensors.ErrIdle, 0xFF: errSilent}[level]
			if r, err := s.Read(t.Context()); !errors.Is(err, want) {
				t.Errorf("Read = %v, %v; want %v", r, err, want)
			}
		})
	}
}

// TestLeftOut leaves out one channel after the other.
func TestLeftOut(t *testing.T) {
	tests := []struct {
		driver string
		chip   chips.Chip
		set    func(*BME68xOptions)
		want   []float64
		reason string
	}{
		{
			"humidity", newBME680(), func(o *BME68xOptions) { o.OversamplingHumidity = 0 },
			[]float64{reading680[0], none, reading680[2], reading680[3]},
			"oversampling is 0",
		},
		{
			"pressure", newBME680(), func(o *BME68xOptions) { o.OversamplingPressure = 0 },
			[]float64{reading680[0], reading680[1], none, reading680[3]},
			"oversampling is 0",
		},
		{
			"gas", newBME680(), func(o *BME68xOptions) { o.HeaterTemperature = 0 },
			[]float64{reading680[0], reading680[1], reading680[2], none},
			"heater_temperature is 0",
		},
		{"all but gas", newBME688(), func(o *BME68xOptions) {
			o.OversamplingTemperature, o.OversamplingHumidity, o.OversamplingPressure = 0, 0, 0
		}, []float64{none, none, none, reading688[3]}, "oversampling is 0"},
		{
			"humidity of a BME280", newBME280(), func(o *BME68xOptions) { o.OversamplingHumidity = 0 },
			[]float64{reading280[0], none, reading280[2], none},
			"oversampling is 0",
		},
		{
			"pressure of a BME280", newBME280(), func(o *BME68xOptions) { o.OversamplingPressure = 0 },
			[]float64{reading280[0], reading280[1], none, none},
			"oversampling is 0",
		},
	}
	for _, tt := range tests {
		t.Run(tt.driver, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newBench(tt.chip).open(t, configured(t, "bme680", tt.set))
				r, err := s.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, values(t, r), cmpopts.EquateNaNs()); diff != "" {
					t.Errorf("reading (-want +got):\n%s", diff)
				}
				if !strings.Contains(fmt.Sprint(r), tt.reason) {
					t.Errorf("no reason in %v is %q", r, tt.reason)
				}
			})
		})
	}
}

// TestGasNeedsBothBits has the chip vouch for the gas, the heater, both, none.
func TestGasNeedsBothBits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := newBME680()
		s := newBench(chip).open(t, defaults(t, "bme680"))
		for _, tt := range []struct {
			valid, stable bool
			reason        string
		}{
			{true, true, ""},
			{true, false, "the heater did not reach its temperature"},
			{false, true, "the chip did not measure it"},
			{false, false, "the chip did not measure it"},
		} {
			chip.SetRaw(chips.BME680Raw{
				Temperature: 501177, Pressure: 302706, Humidity: 21704,
				Gas: 578, GasRange: 3, GasValid: tt.valid, HeatStable: tt.stable,
			})
			r, err := s.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			values(t, r)
			if r[3].Valid() != (tt.valid && tt.stable) || !strings.HasPrefix(r[3].Reason, tt.reason) {
				t.Errorf("valid %t, stable %t: gas is %v", tt.valid, tt.stable, r[3])
			}
			if !r[0].Valid() || !r[1].Valid() || !r[2].Valid() {
				t.Errorf("valid %t, stable %t: the rest is %v", tt.valid, tt.stable, r[:3])
			}
		}
	})
}

// TestHeaterFollowsAmbient: the heater is set for 25 °C at first, then for the
// last temperature measured. The integer formula hardly heeds it, so the test
// looks for a calibration on the edge between two settings.
func TestHeaterFollowsAmbient(t *testing.T) {
	block := calib680B
	var cold, hot byte
	for g2 := 0; cold == hot; g2++ {
		block[10], block[11], block[13] = byte(g2), byte(g2>>8), 127
		calib := parseBME68x(&calib680A, &block, &calib680C)
		cold, hot = byte(calib.heaterResistance(320, 25)), byte(calib.heaterResistance(320, 85))
	}
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewBME680(chips.BME680Variant, calib680A, block, calib680C)
		chip.SetRaw(chips.BME680Raw{Temperature: 700000, Pressure: 302706, Humidity: 21704}) // above 85 °C
		s := newBench(chip).open(t, defaults(t, "bme680"))
		for i, want := range []byte{cold, hot, hot} {
			read(t, s)
			if got := chip.Register(bme68xResHeat); got != want {
				t.Errorf("reading %d: heater is %#02x, want %#02x", i, got, want)
			}
		}
	})
}

func TestCloseStopsChip(t *testing.T) {
	eachFamily(t, func(t *testing.T, b *bench, c resettable, _ sensors.Plan, s sensors.Sensor) {
		read(t, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		b.Plug(0x76, nil)
		if err := s.Close(); err == nil {
			t.Error("Close of an absent chip tells no error")
		}
	})
}

package ads1115

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
	"sensor-agent/sensors/adc"
)

const address = 0x48

func plugged(c chips.Chip) *chips.Bus {
	bus := new(chips.Bus)
	bus.Plug(address, c)
	return bus
}

// planned configures the driver of that name.
func planned(t *testing.T, name string, o options) (sensors.Plan, error) {
	t.Helper()
	for _, d := range Drivers() {
		if d.Name == name {
			return d.Configure(func(target any) error {
				*target.(*options) = o
				return nil
			})
		}
	}
	t.Fatalf("no driver %s", name)
	return sensors.Plan{}, nil
}

func open(t *testing.T, bus *chips.Bus, name string, o options) (sensors.Sensor, error) {
	t.Helper()
	plan, err := planned(t, name, o)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Open(t.Context(), sensors.Wire{I2C: bus, Address: address, Log: slog.New(slog.DiscardHandler)})
}

func opened(t *testing.T, bus *chips.Bus, name string, o options) sensors.Sensor {
	t.Helper()
	s, err := open(t, bus, name, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// usual are the default options of a driver with channels; without any, all
// four in volts.
func usual(name string, channels ...adc.Channel) options {
	o := options{FullScale: 4.096, Speed: 128, Vref: 3.3, Channels: channels}
	if name == "ads1015" {
		o.Speed = 1600
	}
	if len(channels) == 0 {
		for ch := range 4 {
			o.Channels = append(o.Channels, adc.Channel{Channel: ch, Key: fmt.Sprint("v", ch)})
		}
	}
	return o
}

var nearly = cmpopts.EquateApprox(0, 1e-9)

func TestDefaults(t *testing.T) {
	for _, d := range Drivers() {
		want := usual(d.Name)
		want.Channels = nil
		if diff := cmp.Diff(want, d.Options().(options)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", d.Name, diff)
		}
	}
}

// A chip as slow, as fast or as exact as it may be never gives the conversion
// of the channel or the reading before, and never takes longer than planned.
func TestEachChannelGivesItsOwnConversion(t *testing.T) {
	for _, c := range family {
		for _, speed := range c.speeds {
			for _, oscillator := range []float64{0.9, 1, 1.1} {
				t.Run(fmt.Sprintf("%s at %d×%v", c.name, speed, oscillator), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						testOwnConversion(t, c, speed, oscillator)
					})
				})
			}
		}
	}
}

func testOwnConversion(t *testing.T, c chip, speed int, oscillator float64) {
	chip := chips.NewADS1115()
	if c.bits == 12 {
		chip = chips.NewADS1015()
	}
	chip.Oscillator(oscillator)
	bus := plugged(chip)
	bus.Fault(func(uint16, []byte, []byte) error { // 5 bytes at 100 kHz
		time.Sleep(500 * time.Microsecond)
		return nil
	})
	o := usual(c.name)
	o.Speed = speed
	plan, err := planned(t, c.name, o)
	if err != nil {
		t.Fatal(err)
	}
	s := opened(t, bus, c.name, o)
	for round := range 3 {
		var want sensors.Reading
		for ch := range 4 {
			raw := int16(0x1000*ch + 0x100*round + 0x50)
			chip.Set(ch, raw)
			want = append(want, sensors.Value(float64(raw)*4.096/32768))
		}
		begin := time.Now()
		got, err := s.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took > plan.Takes {
			t.Errorf("round %d took %v, planned %v", round, took, plan.Takes)
		}
		if diff := cmp.Diff(want, got, nearly); diff != "" {
			t.Fatalf("round %d (-want +got)\n%s", round, diff)
		}
	}
}

func TestReadConverts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewADS1115()
		s := opened(t, plugged(chip), "ads1115", usual("ads1115",
			adc.Channel{Channel: 0, LDR: &adc.LDR{Fixed: 10_000, R10: 15_000, Gamma: new(0.7), Side: "ground"}},
			adc.Channel{Channel: 1, Key: "volts"},
			adc.Channel{Channel: 1, Quantity: "fraction"},
			adc.Channel{Channel: 1, Quantity: "temperature", Linear: &adc.Linear{Scale: 100, Offset: -50}}))
		volts := func(v float64) int16 { return int16(math.Round(v * 32768 / 4.096)) }
		for _, test := range []struct {
			cell, other float64 // volts
			want        []float64
		}{
			{1.65, 0.75, []float64{10 * math.Pow(1.5, 1/0.7), 0.75, 0.75 / 3.3, 25}},
			{1.98, -0.001, []float64{10, -0.001, 0, -50.1}}, // 15 kΩ
			{1.98, 3.4, []float64{10, 3.4, 1, 290}},
		} {
			chip.Set(0, volts(test.cell))
			chip.Set(1, volts(test.other))
			got, err := s.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var want sensors.Reading
			for _, v := range test.want {
				want = append(want, sensors.Value(v))
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 0.007)); diff != "" {
				t.Errorf("%v V and %v V (-want +got)\n%s", test.cell, test.other, diff)
			}
		}
	})
}

// A torn or shorted cell is noticed though zero is off by 3 steps and the
// supply by almost 1 %.
func TestLightCellAtARail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, name := range []string{"ads1115", "ads1015"} {
			chip := chips.NewADS1115()
			if name == "ads1015" {
				chip = chips.NewADS1015()
			}
			s := opened(t, plugged(chip), name, usual(name, adc.Channel{LDR: &adc.LDR{}}))
			for raw, want := range map[int16]string{-3: "too dark", 0: "too dark", 3: "too dark", 26200: "too bright", 26500: "too bright", 0x7FFF: "raise `full_scale`"} {
				chip.Set(0, raw)
				got, err := s.Read(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if got[0].Valid() || !strings.Contains(got[0].Reason, want) {
					t.Errorf("%s at %d: %+v, want no value, as it is %s", name, raw, got[0], want)
				}
			}
		}
	})
}

func TestSaturation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			name      string
			raw       int16
			fullScale float64
			saturated bool
			reason    string
		}{
			{"ads1115", 0x7FFF, 0.256, true, "±0.256 V full scale: raise `full_scale`"},
			{"ads1115", -0x8000, 4.096, true, "raise `full_scale`"},
			{"ads1115", 0x7FFF, 6.144, true, "lower the voltage"},
			{"ads1115", 0x7FFE, 4.096, false, ""},
			{"ads1115", -0x7FFF, 4.096, false, ""},
			{"ads1015", 0x7FF0, 4.096, true, "raise `full_scale`"},
			{"ads1015", 0x7FE0, 4.096, false, ""},
		} {
			chip := chips.NewADS1115()
			chip.Set(3, test.raw)
			o := usual(test.name, adc.Channel{Channel: 3})
			o.FullScale, o.Speed = test.fullScale, 128
			if test.name == "ads1015" { // as left-aligned by the ADS1115
				chip = chips.NewADS1015()
				chip.Set(3, test.raw)
			}
			got, err := opened(t, plugged(chip), test.name, o).Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got[0].Valid() == test.saturated || !strings.Contains(got[0].Reason, test.reason) {
				t.Errorf("%+v: %+v", test, got[0])
			}
		}
	})
}

func TestBadOptions(t *testing.T) {
	for _, test := range []struct {
		option string
		change func(*options)
	}{
		{"full_scale", func(o *options) { o.FullScale = 3.3 }},
		{"full_scale", func(o *options) { o.FullScale = math.NaN() }},
		{"speed", func(o *options) { o.Speed = 100 }},
		{"speed", func(o *options) { o.Speed = 0 }},
		{"vref", func(o *options) { o.Vref = 0 }},
		{"channels", func(o *options) { o.Channels = nil }},
		{"channels[0].channel", func(o *options) { o.Channels[0].Channel = 4 }},
	} {
		o := usual("ads1115")
		test.change(&o)
		_, err := planned(t, "ads1115", o)
		var bad *sensors.OptionError
		if !errors.As(err, &bad) || bad.Option != test.option {
			t.Errorf("%+v: %v, want an error of %s", o, err, test.option)
		}
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := chips.NewADS1115()
		for ch := range 4 {
			chip.Set(ch, int16(1000*(ch+1)))
		}
		o := usual("ads1115")
		o.Speed = 8
		s := opened(t, plugged(chip), "ads1115", o)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		begin := time.Now()
		if _, err := s.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want %v", err, context.DeadlineExceeded)
		}
		if took := time.Since(begin); took != 50*time.Millisecond {
			t.Errorf("returned after %v, want 50ms", took)
		}
		// The conversion of channel 0 goes on; its end must not be taken for
		// that of what is read now.
		chip.Set(0, 5000)
		got, err := s.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := sensors.Reading{sensors.Value(0.625), sensors.Value(0.25), sensors.Value(0.375), sensors.Value(0.5)}
		if diff := cmp.Diff(want, got, nearly); diff != "" {
			t.Errorf("reading (-want +got)\n%s", diff)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

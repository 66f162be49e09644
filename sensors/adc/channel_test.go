package adc

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/sensors"
)

// eightChannels is a converter of 10 bits.
var eightChannels = Converter{Channels: 8, Low: 0, High: 1023.0 / 1024}

func TestConfigure(t *testing.T) {
	half := Level{Volts: 1.65, Fraction: 0.5}
	for _, test := range []struct {
		name    string
		channel Channel
		want    sensors.Output
		value   float64 // at half
	}{
		{"volts by default", Channel{}, sensors.Output{Key: "voltage", Quantity: sensors.Voltage}, 1.65},
		{"volts", Channel{Quantity: "voltage"}, sensors.Output{Key: "voltage", Quantity: sensors.Voltage}, 1.65},
		{"fraction", Channel{Quantity: "fraction", Key: "soil"}, sensors.Output{Key: "soil", Quantity: sensors.Fraction}, 0.5},
		{"linear", Channel{Quantity: "temperature", Linear: &Linear{Scale: 100, Offset: -50}}, sensors.Output{Key: "temp", Quantity: sensors.Temperature}, 115},
		{"voltage divider", Channel{Linear: &Linear{Scale: 2}, Key: "battery"}, sensors.Output{Key: "battery", Quantity: sensors.Voltage}, 3.3},
		{"quantity of two words", Channel{Quantity: "gas resistance", Linear: &Linear{Scale: 1000}}, sensors.Output{Key: "gas", Quantity: sensors.GasResistance}, 1650},
		{"light cell", Channel{LDR: &LDR{Fixed: 15000}}, sensors.Output{Key: "light", Quantity: sensors.Illuminance}, 10},
		{"light cell said to be one", Channel{Quantity: "illuminance", LDR: &LDR{Fixed: 15000}}, sensors.Output{Key: "light", Quantity: sensors.Illuminance}, 10},
		{"light by volts", Channel{Quantity: "illuminance", Linear: &Linear{Scale: 100}}, sensors.Output{Key: "light", Quantity: sensors.Illuminance}, 165},
	} {
		t.Run(test.name, func(t *testing.T) {
			inputs, err := eightChannels.Configure([]Channel{test.channel})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]sensors.Output{test.want}, Outputs(inputs)); diff != "" {
				t.Errorf("outputs (-want +got)\n%s", diff)
			}
			if got := inputs[0].Measure(half); math.Abs(got.Value-test.value) > 1e-9 {
				t.Errorf("at %+v: %+v, want %v", half, got, test.value)
			}
		})
	}
}

func TestConfigureKeepsOrderAndInputs(t *testing.T) {
	inputs, err := eightChannels.Configure([]Channel{{Channel: 7}, {Channel: 2, Key: "b"}, {Channel: 2, Quantity: "fraction"}})
	if err != nil {
		t.Fatal(err)
	}
	type place struct {
		Channel int
		Key     string
	}
	var got []place
	for _, in := range inputs {
		got = append(got, place{in.Channel, in.Output.Key})
	}
	if diff := cmp.Diff([]place{{7, "voltage"}, {2, "b"}, {2, "fraction"}}, got); diff != "" {
		t.Errorf("inputs (-want +got)\n%s", diff)
	}
}

func TestConfigureRefuses(t *testing.T) {
	for _, test := range []struct {
		name     string
		channels []Channel
		option   string
		want     string // part of the error
	}{
		{"no channel", nil, "channels", "list at least one"},
		{"channel too high", []Channel{{Channel: 8}}, "channels[0].channel", "no channel 8: the chip has 0 to 7"},
		{"channel negative", []Channel{{Channel: -1}}, "channels[0].channel", "no channel -1"},
		{"key twice", []Channel{{Channel: 1}, {Channel: 3}}, "channels[1].key", `channels 1 and 3 both give "voltage": set ` + "`key`"},
		{"unknown quantity", []Channel{{Quantity: "volts"}}, "channels[0].quantity", `no quantity "volts": choose one of temperature, `},
		{"light of nothing", []Channel{{}, {Quantity: "illuminance"}}, "channels[1]", "illuminance needs to know what is wired: write `ldr: {"},
		{"temperature of nothing", []Channel{{Quantity: "temperature"}}, "channels[0]", "write `linear: {"},
		{"cell of another quantity", []Channel{{Quantity: "voltage", LDR: &LDR{}}}, "channels[0].quantity", "`ldr` gives illuminance"},
		{"cell and linear", []Channel{{LDR: &LDR{}, Linear: &Linear{Scale: 1}}}, "channels[0]", "exclude each other"},
		{"no scale", []Channel{{Linear: &Linear{Offset: 1}}}, "channels[0].linear.scale", "missing or 0"},
		{"scale no number", []Channel{{Linear: &Linear{Scale: math.NaN()}}}, "channels[0].linear.scale", "NaN is outside"},
		{"offset infinite", []Channel{{Linear: &Linear{Scale: 1, Offset: math.Inf(-1)}}}, "channels[0].linear.offset", "-Inf is outside"},
		{"unknown side", []Channel{{LDR: &LDR{Side: "top"}}}, "channels[0].ldr.side", `"top": choose supply or ground`},
		{"gamma zero", []Channel{{LDR: &LDR{Gamma: new(0.0)}}}, "channels[0].ldr.gamma", "0 is outside"},
		{"gamma no number", []Channel{{LDR: &LDR{Gamma: new(math.NaN())}}}, "channels[0].ldr.gamma", "NaN is outside"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := eightChannels.Configure(test.channels)
			var bad *sensors.OptionError
			if !errors.As(err, &bad) {
				t.Fatalf("error %v, want one of an option", err)
			}
			if bad.Option != test.option || !strings.Contains(bad.Err.Error(), test.want) {
				t.Errorf("option %q: %v; want option %q: …%s…", bad.Option, bad.Err, test.option, test.want)
			}
		})
	}
}

func TestConfigureTellsAllErrors(t *testing.T) {
	_, err := eightChannels.Configure([]Channel{{Channel: 9}, {Quantity: "volts"}, {Key: "voltage"}})
	var options []string
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		options = append(options, e.(*sensors.OptionError).Option)
	}
	want := []string{"channels[0].channel", "channels[1].quantity", "channels[2].key"}
	if diff := cmp.Diff(want, options); diff != "" {
		t.Errorf("options with errors (-want +got)\n%s", diff)
	}
}

func TestFractionStaysWithinItsRange(t *testing.T) {
	inputs, err := eightChannels.Configure([]Channel{{Quantity: "fraction"}, {Quantity: "voltage"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ level, fraction float64 }{{-0.001, 0}, {0, 0}, {0.25, 0.25}, {1, 1}, {1.02, 1}} {
		l := Level{Volts: 3.3 * test.level, Fraction: test.level}
		if got := inputs[0].Measure(l); got.Value != test.fraction {
			t.Errorf("fraction at %v: %+v, want %v", test.level, got, test.fraction)
		}
		if got := inputs[1].Measure(l); got.Value != l.Volts {
			t.Errorf("voltage at %v: %+v, want %v as measured", test.level, got, l.Volts)
		}
	}
}

func TestCheckVref(t *testing.T) {
	for _, v := range []float64{0.25, 3.3, 5.5} {
		if err := CheckVref(v); err != nil {
			t.Errorf("%v V: %v", v, err)
		}
	}
	for _, v := range []float64{0, -3.3, 0.2, 6, math.NaN(), math.Inf(1)} {
		if CheckVref(v) == nil {
			t.Errorf("%v V passes", v)
		}
	}
}

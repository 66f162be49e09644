package iio

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sensor-agent/sensors"
)

// sys makes a /sys of the attributes of one device.
func sys(attributes map[string]string) fstest.MapFS {
	const dir = "devices/i2c-1/1-0076/iio:device3"
	tree := fstest.MapFS{"bus/iio/devices/iio:device3": {Data: []byte("../../../" + dir), Mode: fs.ModeSymlink}}
	for name, text := range attributes {
		tree[dir+"/"+name] = &fstest.MapFile{Data: []byte(text + "\n")}
	}
	return tree
}

func planned(tree fs.FS, o options) (sensors.Plan, error) {
	return driver(tree).Configure(func(filled any) error { *filled.(*options) = o; return nil })
}

func opened(t *testing.T, tree fs.FS, o options) (sensors.Sensor, []sensors.Output) {
	t.Helper()
	plan, err := planned(tree, o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := plan.Open(t.Context(), sensors.Wire{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, plan.Outputs
}

func TestRead(t *testing.T) {
	for _, test := range []struct {
		name       string
		attributes map[string]string
		channels   []channel
		want       map[string]float64 // by key
	}{
		{
			"bme280", // as seen in a kernel 6.1
			map[string]string{"in_temp_input": "21500", "in_pressure_input": "101.324970000", "in_humidityrelative_input": "45000"},
			[]channel{{Channel: "temp"}, {Channel: "pressure"}, {Channel: "humidityrelative"}},
			map[string]float64{"temp": 21.5, "pressure": 1013.2497, "humi": 45},
		},
		{
			"bme680", // percent instead of milli-percent
			map[string]string{"in_temp_input": "-5070", "in_humidityrelative_input": "45.123000000", "in_resistance_input": "12917"},
			[]channel{{Channel: "resistance"}, {Channel: "humidityrelative"}, {Channel: "temp"}},
			map[string]float64{"gas": 12917, "humi": 45.123, "temp": -5.07},
		},
		{
			"bme680", // should it be put right
			map[string]string{"in_humidityrelative_input": "45123"},
			[]channel{{Channel: "humidityrelative"}},
			map[string]float64{"humi": 45.123},
		},
		{
			"ads1015", // a scale for all channels of its kind, another of its own
			map[string]string{
				"in_voltage0_raw": "20000", "in_voltage1_raw": "-8", "in_voltage0-voltage1_raw": "100",
				"in_voltage_scale": "0.062500000", "in_voltage1_scale": "2.000000000", "in_voltage-voltage_scale": "0.5",
			},
			[]channel{{Channel: "voltage0"}, {Channel: "voltage1", Key: "b"}, {Channel: "voltage0-voltage1", Key: "c"}},
			map[string]float64{"voltage": 1.25, "b": -0.016, "c": 0.05},
		},
		{
			"si7020",
			map[string]string{
				"in_temp_raw": "6639", "in_temp_offset": "-4368", "in_temp_scale": "10.725097656",
				"in_humidityrelative_raw": "1000", "in_humidityrelative_offset": "-786", "in_humidityrelative_scale": "30.517578125",
			},
			[]channel{{Channel: "temp"}, {Channel: "humidityrelative"}},
			map[string]float64{"temp": 24.356696776776, "humi": 6.53076171875},
		},
		{
			"scd30", // percent to ppm
			map[string]string{"in_concentration_co2_raw": "417", "in_concentration_co2_scale": "0.000100000"},
			[]channel{{Channel: "concentration_co2"}},
			map[string]float64{"co2": 417},
		},
		{
			"made-up", // a scale and an offset that all channels share
			map[string]string{
				"in_scale": "2", "offset": "10", "in_current1_raw": "150", "in_power1_input": "2500.000000", "in_illuminance_raw": "414",
				"in_voltage0_i_raw": "4", "in_voltage_i_scale": "5", "in_voltage_scale": "7",
			},
			[]channel{{Channel: "voltage0_i"}, {Channel: "current1"}, {Channel: "power1"}, {Channel: "illuminance"}},
			map[string]float64{"voltage": 0.07, "current": 0.32, "power": 2.5, "light": 848},
		},
		{
			"numbers", // of whatever kind, in the kernel's unit
			map[string]string{"in_proximity_raw": "17", "in_temp_ambient_raw": "100", "in_temp_ambient_scale": "20"},
			[]channel{{Channel: "proximity", Quantity: "number"}, {Channel: "temp_ambient", Quantity: "number", Key: "m"}, {Channel: "temp_ambient", Quantity: "temperature"}},
			map[string]float64{"value": 17, "m": 2000, "temp": 2},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.attributes["name"] = test.name
			s, outputs := opened(t, sys(test.attributes), options{Device: test.name, At: "1-0076", Channels: test.channels})
			r, err := s.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]float64{}
			for i, output := range outputs {
				got[output.Key] = r[i].Value
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestScaleIsReadEachTime(t *testing.T) {
	tree := sys(map[string]string{"name": "veml7700", "in_illuminance_raw": "100", "in_illuminance_scale": "0.5"})
	s, _ := opened(t, tree, options{Device: "veml7700", Channels: []channel{{Channel: "illuminance"}}})
	for _, scale := range []string{"0.5", "2"} {
		tree["devices/i2c-1/1-0076/iio:device3/in_illuminance_scale"].Data = []byte(scale)
		if r, err := s.Read(t.Context()); err != nil || fmt.Sprint(r[0].Value/100) != scale {
			t.Errorf("scale %s: %v, %v", scale, r, err)
		}
	}
}

func TestChannelWithoutANumber(t *testing.T) {
	s, _ := opened(t, sys(map[string]string{"name": "x", "in_temp_input": "1000", "in_voltage0_raw": "1", "in_voltage0_scale": "6 dB"}),
		options{Device: "x", Channels: []channel{{Channel: "temp"}, {Channel: "voltage0"}}})
	r, err := s.Read(t.Context())
	if err != nil || r[0].Value != 1 || r[1].Valid() || !strings.Contains(r[1].Reason, `in_voltage0_scale: "6 dB" is not a number`) {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestOpenTellsWhatIsThere(t *testing.T) {
	tree := sys(map[string]string{"name": "bmp280", "in_temp_input": "1", "in_temp_raw": "1", "in_pressure_input": "1", "in_pressure_oversampling_ratio": "1"})
	for _, test := range []struct {
		tree fs.FS
		o    options
		want string
	}{
		{tree, options{Device: "bmp280", Channels: []channel{{Channel: "humidityrelative"}}}, "no channel humidityrelative: it has pressure, temp"},
		{tree, options{Device: "bme280", Channels: []channel{{Channel: "temp"}}}, `no IIO device "bme280": load the kernel's driver of the chip, as with dtoverlay=i2c-sensor,bme280`},
		{fstest.MapFS{}, options{Device: "bme280", Channels: []channel{{Channel: "temp"}}}, "there is no IIO device: load the kernel's driver"},
	} {
		plan, err := planned(test.tree, test.o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Open(t.Context(), sensors.Wire{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want …%s…", err, test.want)
		}
	}
}

func TestPlanNeedsNoDevice(t *testing.T) {
	plan, err := planned(fstest.MapFS{}, options{Device: "scd30", Channels: []channel{{Channel: "temp"}, {Channel: "concentration_co2", Key: "air"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []sensors.Output{{Key: "temp", Quantity: sensors.Temperature}, {Key: "air", Quantity: sensors.CO2}}
	if diff := cmp.Diff(want, plan.Outputs); diff != "" {
		t.Errorf("outputs (-want +got)\n%s", diff)
	}
	if plan.Takes < 5*time.Second {
		t.Errorf("CO2 takes %v", plan.Takes)
	}
}

func TestBadOptions(t *testing.T) {
	for _, test := range []struct {
		o    options
		want []string // options with an error
	}{
		{options{}, []string{"device", "channels"}},
		{options{Device: "x", Channels: []channel{{}}}, []string{"channels[0].channel"}},
		{options{Device: "x", Channels: []channel{{Channel: "in_temp_input"}, {Channel: "../temp"}}}, []string{"channels[0].channel", "channels[1].channel"}},
		{options{Device: "x", Channels: []channel{{Channel: "temp"}, {Channel: "temp_object"}}}, []string{"channels[1].key"}},
		{options{Device: "x", Channels: []channel{{Channel: "temp", Quantity: "humidity"}}}, []string{"channels[0].quantity"}},
		{options{Device: "x", Channels: []channel{{Channel: "proximity"}, {Channel: "concentration_voc"}}}, []string{"channels[0].quantity", "channels[1].quantity"}},
	} {
		_, err := planned(fstest.MapFS{}, test.o)
		var got []string
		if several, ok := err.(interface{ Unwrap() []error }); ok {
			for _, err := range several.Unwrap() {
				if bad, ok := errors.AsType[*sensors.OptionError](err); ok {
					got = append(got, bad.Option)
				}
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%+v: options with errors (-want +got)\n%s", test.o, diff)
		}
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	dir := t.TempDir()
	device := filepath.Join(dir, "bus/iio/devices/iio:device0")
	if err := os.MkdirAll(device, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"name": "x", "in_voltage0_raw": "20000", "in_voltage_scale": "0.0625", "in_voltage0_offset": "-1"} {
		if err := os.WriteFile(filepath.Join(device, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, _ := opened(t, os.DirFS(dir), options{Device: "x", Channels: []channel{{Channel: "voltage0"}}})
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if r, err := s.Read(ctx); err != nil || math.Abs(r[0].Value-19999*0.0625/1000) > 1e-12 {
			t.Error(r, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever a channel is called, its attributes are looked for in the folder of
// the device.
func FuzzChannel(f *testing.F) {
	for _, name := range []string{"temp", "voltage0-voltage1", "concentration2_co2", "in_temp", "../temp", "a/b"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if _, err := (channel{Channel: name, Quantity: "number"}).unit("channels[0]"); err != nil {
			return
		}
		for _, attribute := range append(attributes(name, "scale"), "in_"+name+"_raw") {
			if !fs.ValidPath(attribute) || strings.Contains(attribute, "/") {
				t.Errorf("%q is looked for in %q", name, attribute)
			}
		}
	})
}

package hwmon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sensor-agent/sensors"
)

// pi5 is what a Raspberry Pi 5 with an LM75 on its I2C bus has.
func pi5() fstest.MapFS {
	tree := fstest.MapFS{}
	for path, text := range map[string]string{
		"devices/virtual/thermal/thermal_zone0/type":               "cpu-thermal",
		"devices/virtual/thermal/thermal_zone0/temp":               "47774",
		"devices/virtual/thermal/thermal_zone0/hwmon0/name":        "cpu_thermal",
		"devices/virtual/thermal/thermal_zone0/hwmon0/temp1_input": "48900",
		"devices/platform/rp1/hwmon/hwmon1/name":                   "rp1_adc",
		"devices/platform/rp1/hwmon/hwmon1/temp1_input":            "-1250",
		"devices/platform/rp1/hwmon/hwmon1/in1_input":              "1487",
		"devices/platform/rp1/hwmon/hwmon1/in2_input":              "2531",
		"devices/platform/fan/hwmon/hwmon2/name":                   "pwmfan",
		"devices/platform/fan/hwmon/hwmon2/fan1_input":             "3021",
		"devices/platform/fan/hwmon/hwmon2/fan1_fault":             "0",
		"devices/platform/fan/hwmon/hwmon2/pwm1":                   "75",
		"devices/i2c-1/1-0040/hwmon/hwmon3/name":                   "ina219",
		"devices/i2c-1/1-0040/hwmon/hwmon3/curr1_input":            "-150",
		"devices/i2c-1/1-0040/hwmon/hwmon3/curr1_label":            "battery",
		"devices/i2c-1/1-0040/hwmon/hwmon3/power1_input":           "2500000",
		"devices/i2c-1/1-0040/hwmon/hwmon3/humidity1_input":        "45123",
		"devices/i2c-1/1-0040/hwmon/hwmon3/in0_input":              "1",
		"devices/i2c-1/1-0040/hwmon/hwmon3/in0_label":              "twice",
		"devices/i2c-1/1-0040/hwmon/hwmon3/in1_input":              "12000",
		"devices/i2c-1/1-0040/hwmon/hwmon3/in1_label":              "battery",
		"devices/i2c-1/1-0040/hwmon/hwmon3/in2_input":              "2",
		"devices/i2c-1/1-0040/hwmon/hwmon3/in2_label":              "twice",
	} {
		tree[path] = &fstest.MapFile{Data: []byte(text + "\n")}
	}
	for path, target := range map[string]string{
		"class/thermal/thermal_zone0": "../../devices/virtual/thermal/thermal_zone0",
		"class/hwmon/hwmon0":          "../../devices/virtual/thermal/thermal_zone0/hwmon0",
		"class/hwmon/hwmon1":          "../../devices/platform/rp1/hwmon/hwmon1",
		"class/hwmon/hwmon2":          "../../devices/platform/fan/hwmon/hwmon2",
		"class/hwmon/hwmon3":          "../../devices/i2c-1/1-0040/hwmon/hwmon3",

		"devices/i2c-1/1-0040/hwmon/hwmon3/device": "../../../1-0040",
	} {
		tree[path] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
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
		name string
		o    options
		want map[string]float64 // by key
	}{
		{"zone", options{Zone: "cpu-thermal"}, map[string]float64{"temp": 47.774}},
		{"chip", options{Chip: "cpu_thermal", Inputs: []input{{Input: "temp1"}}}, map[string]float64{"temp": 48.9}},
		{
			"several inputs",
			options{Chip: "rp1_adc", Inputs: []input{{Input: "in2"}, {Input: "temp1", Key: "board"}, {Input: "in1", Key: "b"}}},
			map[string]float64{"voltage": 2.531, "board": -1.25, "b": 1.487},
		},
		{"fan", options{Chip: "pwmfan", Inputs: []input{{Input: "fan1", Key: "fan"}}}, map[string]float64{"fan": 3021}},
		{
			"by label", // which two kinds of input have
			options{Chip: "ina219", At: "1-0040", Inputs: []input{{Input: "in", Label: "battery"}, {Input: "curr", Label: "battery"}, {Input: "power1"}, {Input: "humidity1"}}},
			map[string]float64{"voltage": 12, "current": -0.15, "power": 2.5, "humi": 45.123},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, outputs := opened(t, pi5(), test.o)
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

func TestFault(t *testing.T) {
	tree := pi5()
	s, _ := opened(t, tree, options{Chip: "pwmfan", Inputs: []input{{Input: "fan1"}}})
	for text, valid := range map[string]bool{"0\n": true, "1\n": false} {
		tree["devices/platform/fan/hwmon/hwmon2/fan1_fault"].Data = []byte(text)
		if r, err := s.Read(t.Context()); err != nil || r[0].Valid() != valid || (r[0].Reason == faulty) == valid {
			t.Errorf("fault %q: %+v, %v", text, r, err)
		}
	}
}

func TestOpenTellsWhatIsThere(t *testing.T) {
	for _, test := range []struct {
		o    options
		want string
	}{
		{options{Zone: "gpu-thermal"}, `no thermal zone "gpu-thermal"; there is cpu-thermal`},
		{options{Chip: "lm75", Inputs: []input{{Input: "temp1"}}}, `no hwmon chip "lm75": load the kernel's driver of the chip, as with dtoverlay=i2c-sensor,lm75`},
		{options{Chip: "rp1_adc", Inputs: []input{{Input: "temp2"}}}, "the chip has no input temp2: it has in1, in2, temp1"},
		{options{Chip: "ina219", Inputs: []input{{Input: "in", Label: "mains"}}}, "no input in with the label mains: it has curr1 (label battery), humidity1, in0 (label twice), "},
		{options{Chip: "ina219", Inputs: []input{{Input: "in", Label: "twice"}}}, "the label twice is that of in0 and in2"},
	} {
		plan, err := planned(pi5(), test.o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Open(t.Context(), sensors.Wire{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want …%s…", err, test.want)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for _, test := range []struct {
		o      options
		option string
		want   string
	}{
		{options{}, "zone", "write `zone: cpu-thermal`"},
		{options{Zone: "cpu-thermal", Chip: "cpu_thermal"}, "zone", "leave `chip`"},
		{options{Zone: "cpu-thermal", Inputs: []input{{Input: "temp1"}}}, "zone", "leave `chip`"},
		{options{Chip: "x"}, "inputs", "`inputs: [{input: temp1}]`"},
		{options{Chip: "x", Inputs: []input{{Input: "temp1_input"}}}, "inputs[0].input", "write temp1 for the file temp1_input"},
		{options{Chip: "x", Inputs: []input{{Input: "pwm1"}}}, "inputs[0].input", "choose temp, in, "},
		{options{Chip: "x", Inputs: []input{{Input: "temp"}}}, "inputs[0].input", "write temp1, or its `label`"},
		{options{Chip: "x", Inputs: []input{{Input: "temp1", Label: "a"}}}, "inputs[0].label", "leave `label` out, or write temp for temp1"},
		{options{Chip: "x", Inputs: []input{{Input: "temp1"}, {Input: "temp2"}}}, "inputs[1].key", `inputs temp1 and temp2 both give "temp"`},
	} {
		_, err := planned(fstest.MapFS{}, test.o)
		bad, ok := errors.AsType[*sensors.OptionError](err)
		if !ok || bad.Option != test.option || !strings.Contains(bad.Err.Error(), test.want) {
			t.Errorf("%+v: error %v, want %s: …%s…", test.o, err, test.option, test.want)
		}
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	dir := t.TempDir()
	chip := filepath.Join(dir, "class/hwmon/hwmon0")
	if err := os.MkdirAll(chip, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"name": "x", "temp1_input": "47774\n", "temp1_fault": "0\n"} {
		if err := os.WriteFile(filepath.Join(chip, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, _ := opened(t, os.DirFS(dir), options{Chip: "x", Inputs: []input{{Input: "temp1"}}})
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if r, err := s.Read(ctx); err != nil || r[0].Value != 47.774 {
			t.Error(r, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

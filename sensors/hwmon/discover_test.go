package hwmon

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/sensors"
)

func TestDiscover(t *testing.T) {
	tree := pi5()
	for path, text := range map[string]string{
		"class/hwmon/hwmon4/name":        "w1_slave_temp", // which the driver w1 reads
		"class/hwmon/hwmon4/temp1_input": "21000",
		"class/hwmon/hwmon5/name":        "rpi_volt", // an alarm and nothing else
		"class/hwmon/hwmon5/in0_alarm":   "0",
		"class/hwmon/hwmon6/name":        "rp1_adc", // a second one of this name
		"class/hwmon/hwmon6/in1_input":   "1200",
		"class/hwmon/hwmon6/pwm1_input":  "7", // not an input of any known kind
	} {
		tree[path] = &fstest.MapFile{Data: []byte(text + "\n")}
	}
	tree["devices/platform/rp1/hwmon/hwmon1/device"] = &fstest.MapFile{Data: []byte("../../../rp1"), Mode: fs.ModeSymlink}
	got, err := discover(tree)
	want := []sensors.Source{
		{Name: "cpu-thermal", Gives: []string{"temp"}, Options: "zone: cpu-thermal", Own: true},
		{
			Name: "rp1_adc", At: "rp1", Gives: []string{"in1", "in2", "temp1"}, Own: true,
			Options: `chip: rp1_adc, at: "rp1", inputs: [{input: in1}, {input: in2, key: in2}, {input: temp1}]`,
		},
		{Name: "pwmfan", Gives: []string{"fan1"}, Options: "chip: pwmfan, inputs: [{input: fan1}]", Own: true},
		{
			Name: "ina219", At: "1-0040", Gives: []string{"curr1", "humidity1", "in0", "in1", "in2", "power1"},
			Options: "chip: ina219, inputs: [{input: curr1}, {input: humidity1}, {input: in0}, {input: in1, key: in1}, {input: in2, key: in2}, {input: power1}]",
		},
		{Name: "rp1_adc", Gives: []string{"in1"}, Options: "chip: rp1_adc, inputs: [{input: in1}]", Own: true},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func TestDiscoverNothing(t *testing.T) {
	if got, err := discover(fstest.MapFS{}); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

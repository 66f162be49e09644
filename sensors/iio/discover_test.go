package iio

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/sensors"
)

func TestDiscover(t *testing.T) {
	tree := fstest.MapFS{
		"bus/iio/devices/trigger0/name":         {Data: []byte("bme280\n")},
		"devices/gyro/iio:device9/name":         {Data: []byte("mpu6050\n")},
		"devices/gyro/iio:device9/in_accel_raw": {Data: []byte("1\n")},
		"bus/iio/devices/iio:device9":           {Data: []byte("../../../devices/gyro/iio:device9"), Mode: fs.ModeSymlink},
	}
	for device, files := range map[string][]string{
		"1-0076/iio:device0": {"bme280", "in_temp_input", "in_pressure_input", "in_temp_oversampling_ratio"},
		"1-0077/iio:device1": {"bme280", "in_temp_input"},
		"1-0048/iio:device2": {"ads1015", "in_voltage0_raw", "in_voltage0-voltage1_raw", "in_voltage_scale"},
		"1-0029/iio:device3": {"tcs34725", "in_illuminance0_raw", "in_intensity_red_raw"},
	} {
		tree["bus/iio/devices/"+device[7:]] = &fstest.MapFile{Data: []byte("../../../devices/i2c-1/" + device), Mode: fs.ModeSymlink}
		tree["devices/i2c-1/"+device+"/name"] = &fstest.MapFile{Data: []byte(files[0] + "\n")}
		for _, file := range files[1:] {
			tree["devices/i2c-1/"+device+"/"+file] = &fstest.MapFile{Data: []byte("1\n")}
		}
	}
	got, err := discover(tree)
	want := []sensors.Source{
		{Name: "bme280", At: "1-0076", Gives: []string{"pressure", "temp"}, Options: `device: bme280, at: "1-0076", channels: [{channel: pressure}, {channel: temp}]`},
		{Name: "bme280", At: "1-0077", Gives: []string{"temp"}, Options: `device: bme280, at: "1-0077", channels: [{channel: temp}]`},
		{
			Name: "ads1015", At: "1-0048", Gives: []string{"voltage0-voltage1", "voltage0"},
			Options: "device: ads1015, channels: [{channel: voltage0-voltage1}, {channel: voltage0, key: voltage0}]",
		},
		{Name: "tcs34725", At: "1-0029", Gives: []string{"illuminance0"}, Options: "device: tcs34725, channels: [{channel: illuminance0}]"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

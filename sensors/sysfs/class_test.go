package sysfs

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"sensor-agent/sensors"
)

// A Pi with two BME280, of which one has a label, and a BH1750; and its class
// of chips, of which two have the same name.
var pi = fstest.MapFS{
	"bus/iio/devices/iio:device0":                                      link("../../../devices/platform/soc/fe804000.i2c/i2c-1/1-0076/iio:device0"),
	"bus/iio/devices/iio:device1":                                      link("../../../devices/platform/soc/fe804000.i2c/i2c-1/1-0077/iio:device1"),
	"bus/iio/devices/iio:device2":                                      link("../../../devices/platform/soc/fe804000.i2c/i2c-1/1-0023/iio:device2"),
	"bus/iio/devices/trigger0":                                         link("../../../devices/trigger0"),
	"devices/trigger0/name":                                            file("bme280\n"),
	"devices/platform/soc/fe804000.i2c/i2c-1/1-0076/iio:device0/name":  file("bme280\n"),
	"devices/platform/soc/fe804000.i2c/i2c-1/1-0077/iio:device1/name":  file("bme280\n"),
	"devices/platform/soc/fe804000.i2c/i2c-1/1-0077/iio:device1/label": file("outdoors\n"),
	"devices/platform/soc/fe804000.i2c/i2c-1/1-0023/iio:device2/name":  file("bh1750\n"),

	"class/hwmon/hwmon0":                                                 link("../../devices/virtual/thermal/thermal_zone0/hwmon0"),
	"class/hwmon/hwmon1":                                                 link("../../devices/platform/soc/fe804000.i2c/i2c-1/1-0048/hwmon/hwmon1"),
	"class/hwmon/hwmon2":                                                 link("../../devices/platform/soc/fe804000.i2c/i2c-1/1-0049/hwmon/hwmon2"),
	"class/thermal/thermal_zone0":                                        link("../../devices/virtual/thermal/thermal_zone0"),
	"devices/virtual/thermal/thermal_zone0/type":                         file("cpu-thermal\n"),
	"devices/virtual/thermal/thermal_zone0/hwmon0/name":                  file("cpu_thermal\n"),
	"devices/virtual/thermal/thermal_zone0/hwmon0/device":                link("../../thermal_zone0"),
	"devices/platform/soc/fe804000.i2c/i2c-1/1-0048/hwmon/hwmon1/name":   file("lm75\n"),
	"devices/platform/soc/fe804000.i2c/i2c-1/1-0048/hwmon/hwmon1/device": link("../../../1-0048"),
	"devices/platform/soc/fe804000.i2c/i2c-1/1-0049/hwmon/hwmon2/name":   file("lm75\n"),
	"devices/platform/soc/fe804000.i2c/i2c-1/1-0049/hwmon/hwmon2/device": link("../../../1-0049"),
}

var (
	iio   = Class{Kind: "IIO device", Dir: "bus/iio/devices", Prefix: "iio:device", Name: "name", Advice: "load its driver"}
	hwmon = Class{Kind: "hwmon chip", Dir: "class/hwmon", Prefix: "hwmon", Name: "name", Advice: "load its driver"}
	zones = Class{Kind: "thermal zone", Dir: "class/thermal", Prefix: "thermal_zone", Name: "type"}
)

func TestFind(t *testing.T) {
	for _, test := range []struct {
		class    Class
		name, at string
		want     string // folder
	}{
		{iio, "bh1750", "", "bus/iio/devices/iio:device2"},
		{iio, "bh1750", "1-0023", "bus/iio/devices/iio:device2"},
		{iio, "bme280", "1-0076", "bus/iio/devices/iio:device0"},
		{iio, "bme280", "1-0077", "bus/iio/devices/iio:device1"},
		{iio, "bme280", "outdoors", "bus/iio/devices/iio:device1"},
		{hwmon, "cpu_thermal", "", "class/hwmon/hwmon0"},
		{hwmon, "cpu_thermal", "thermal_zone0", "class/hwmon/hwmon0"},
		{hwmon, "lm75", "1-0049", "class/hwmon/hwmon2"},
		{zones, "cpu-thermal", "", "class/thermal/thermal_zone0"},
	} {
		if got, err := test.class.Find(pi, test.name, test.at); err != nil || got != test.want {
			t.Errorf("%s %q at %q: %q, %v; want %q", test.class.Kind, test.name, test.at, got, err, test.want)
		}
	}
}

func TestFindTellsWhatIsThere(t *testing.T) {
	for _, test := range []struct {
		class    Class
		name, at string
		want     string // at the end of the error
		missing  bool
	}{
		{iio, "bme280", "", `there is more than one IIO device "bme280": say which by ` + "`at`; there are bme280 at 1-0076, bme280 at outdoors", false},
		{iio, "bme280", "1-0075", `no IIO device "bme280" is at "1-0075"; there is bme280 at 1-0076, bme280 at outdoors`, true},
		{iio, "bme680", "", `no IIO device "bme680": load its driver; there is bme280 at 1-0076, bme280 at outdoors, bh1750 at 1-0023`, true},
		{zones, "cpu", "", `no thermal zone "cpu"; there is cpu-thermal`, true},
		{Class{Kind: "IIO device", Dir: "bus/none", Advice: "load its driver"}, "bme280", "", "there is no IIO device: load its driver", true},
	} {
		_, err := test.class.Find(pi, test.name, test.at)
		if err == nil || !strings.HasSuffix(err.Error(), test.want) || errors.Is(err, sensors.ErrNotFound) != test.missing {
			t.Errorf("%q at %q: error %v, want …%s, not found %v", test.name, test.at, err, test.want, test.missing)
		}
	}
}

// Package catalog is the table of all drivers. Adding a driver is one folder
// beside this one and one line here.
package catalog

import (
	"slices"

	"sensor-agent/sensors"
	"sensor-agent/sensors/ads1115"
	"sensor-agent/sensors/aht20"
	"sensor-agent/sensors/bh1750"
	"sensor-agent/sensors/bosch"
	"sensor-agent/sensors/command"
	"sensor-agent/sensors/hdc302x"
	"sensor-agent/sensors/hwmon"
	"sensor-agent/sensors/iio"
	"sensor-agent/sensors/ina219"
	"sensor-agent/sensors/mcp3xxx"
	"sensor-agent/sensors/mcp9808"
	"sensor-agent/sensors/scd4x"
	"sensor-agent/sensors/sht4x"
	"sensor-agent/sensors/simulated"
	"sensor-agent/sensors/tmp102"
	"sensor-agent/sensors/w1"
)

// Drivers returns every driver, in the order documentation shows them. Names
// are unique.
func Drivers() []sensors.Driver {
	return slices.Concat(
		bosch.Drivers(),   // bmp280 bme280 bme680 bme688
		mcp3xxx.Drivers(), // mcp3004 mcp3008 mcp3204 mcp3208
		ads1115.Drivers(), // ads1115 ads1015
		[]sensors.Driver{
			bh1750.Driver(),
			aht20.Driver(),
			sht4x.Driver(),
			hdc302x.Driver(),
			scd4x.Driver(),
			mcp9808.Driver(),
			tmp102.Driver(),
			ina219.Driver(),
			w1.Driver(),
			iio.Driver(),
			hwmon.Driver(),
			command.Driver(),
			simulated.Driver(),
		},
	)
}

package conditioning

import (
	"cmp"
	"errors"
	"strings"

	"sensor-agent/sensors"
)

// Derive are the values to be derived from those of a sensor. Each becomes an
// output with the key by which a configuration asks for it. A sensor must have
// one output of each quantity that is needed, and not more.
type Derive struct {
	DewPoint         bool      `yaml:"dew_point"`          // °C, from temperature and humidity
	AbsoluteHumidity bool      `yaml:"absolute_humidity"`  // g/m³, from temperature and humidity
	SeaLevelPressure *SeaLevel `yaml:"sea_level_pressure"` // hPa, from pressure
}

// SeaLevel is what the pressure at sea level is computed with.
type SeaLevel struct {
	Altitude float64 `yaml:"altitude"` // of the sensor, in m, -500 to 9000
}

// derived is an output that is made of others.
type derived struct {
	output  sensors.Output
	measure func(sensors.Reading) sensors.Measurement
}

// outputs returns what is to be derived from these outputs.
func (d Derive) outputs(from []sensors.Output) ([]derived, error) {
	var list []derived
	var errs []error
	add := func(output derived, err error) {
		list, errs = append(list, output), append(errs, err)
	}
	if d.DewPoint {
		add(ofMoistAir("dew_point", sensors.Temperature, dewPoint, from))
	}
	if d.AbsoluteHumidity {
		add(ofMoistAir("absolute_humidity", sensors.AbsoluteHumidity, absoluteHumidity, from))
	}
	if d.SeaLevelPressure != nil {
		add(ofPressure("sea_level_pressure", d.SeaLevelPressure.Altitude, from))
	}
	return list, errors.Join(errs...)
}

// ofMoistAir derives a value from a temperature in °C and a humidity in %.
func ofMoistAir(key string, quantity sensors.Quantity, formula func(celsius, humidity float64) float64, from []sensors.Output) (derived, error) {
	temp, noTemp := only(from, sensors.Temperature, "derive."+key)
	humi, noHumi := only(from, sensors.Humidity, "derive."+key)
	return derived{
		sensors.Output{Key: key, Quantity: quantity},
		func(r sensors.Reading) sensors.Measurement {
			return combined(formula(r[temp].Value, r[humi].Value), r[temp], r[humi])
		},
	}, cmp.Or(noTemp, noHumi)
}

// ofPressure derives the pressure at sea level from that at an altitude in m.
func ofPressure(key string, altitude float64, from []sensors.Output) (derived, error) {
	pressure, err := only(from, sensors.Pressure, "derive."+key)
	if altitude < lowest || altitude > highest {
		err = sensors.BadOption("derive."+key+".altitude", "there is no place at %v m: write metres above the sea, %v to %v", altitude, lowest, highest)
	}
	factor := seaLevelFactor(altitude)
	return derived{
		sensors.Output{Key: key, Quantity: sensors.Pressure},
		func(r sensors.Reading) sensors.Measurement {
			return combined(r[pressure].Value*factor, r[pressure])
		},
	}, err
}

// only returns the place of the output of a quantity, which option needs.
func only(outputs []sensors.Output, quantity sensors.Quantity, option string) (int, error) {
	found := -1
	for i, o := range outputs {
		if o.Quantity != quantity {
			continue
		}
		if found >= 0 {
			return 0, sensors.BadOption(option, "the sensor measures more than one %s, %s and %s, and which is meant cannot be told: leave it out", quantity.Name, outputs[found].Key, o.Key)
		}
		found = i
	}
	if found < 0 {
		return 0, sensors.BadOption(option, "it needs %s, which the sensor does not measure: it gives %s", quantity.Name, keys(outputs))
	}
	return found, nil
}

func keys(outputs []sensors.Output) string {
	var list []string
	for _, o := range outputs {
		list = append(list, o.Key)
	}
	return strings.Join(list, ", ")
}

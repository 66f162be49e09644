package bosch

import (
	"errors"
	"math/bits"
	"slices"
	"time"

	"sensor-agent/sensors"
)

// BMP280Options are the options of the driver bmp280.
type BMP280Options struct {
	OversamplingTemperature int `yaml:"oversampling_temperature" help:"conversions averaged for one temperature: 1, 2, 4, 8 or 16"`
	OversamplingPressure    int `yaml:"oversampling_pressure" help:"conversions averaged for one pressure: 1, 2, 4, 8, 16, or 0 to leave it out"`
	Filter                  int `yaml:"filter" help:"each reading counts one part in 2, 4, 8 or 16 against those before it; 0 is off"`
}

// BME280Options are the options of the driver bme280.
type BME280Options struct {
	OversamplingTemperature int `yaml:"oversampling_temperature" help:"conversions averaged for one temperature: 1, 2, 4, 8 or 16"`
	OversamplingHumidity    int `yaml:"oversampling_humidity" help:"conversions averaged for one humidity: 1, 2, 4, 8, 16, or 0 to leave it out"`
	OversamplingPressure    int `yaml:"oversampling_pressure" help:"conversions averaged for one pressure: 1, 2, 4, 8, 16, or 0 to leave it out"`
	Filter                  int `yaml:"filter" help:"temperature and pressure: each reading counts one part in 2, 4, 8 or 16 against those before it; 0 is off"`
}

// BME68xOptions are the options of the drivers bme680 and bme688.
type BME68xOptions struct {
	OversamplingTemperature int           `yaml:"oversampling_temperature" help:"conversions averaged for one temperature: 1, 2, 4, 8, 16, or 0 to measure gas only"`
	OversamplingHumidity    int           `yaml:"oversampling_humidity" help:"conversions averaged for one humidity: 1, 2, 4, 8, 16, or 0 to leave it out"`
	OversamplingPressure    int           `yaml:"oversampling_pressure" help:"conversions averaged for one pressure: 1, 2, 4, 8, 16, or 0 to leave it out"`
	Filter                  int           `yaml:"filter" help:"temperature and pressure: those before a reading weigh 1, 3, 7, 15, 31, 63 or 127 times as much as it; 0 is off"`
	HeaterTemperature       int           `yaml:"heater_temperature" help:"°C the gas plate is heated to: 200 to 400, or 0 to leave gas out"`
	HeaterDuration          time.Duration `yaml:"heater_duration" help:"how long it is heated before gas is measured: 1ms to 4032ms"`
	GasWarmUp               time.Duration `yaml:"gas_warm_up" help:"how long after power-up gas is marked as warming up: up to 48h, or 0 for not at all"`
}

// settings are the options of any chip of the family, checked, as register
// codes where registers hold them.
//
// The filter codes are the same on all chips, though the datasheets count
// them differently: code 2 is coefficient 4 of a BME280 and 3 of a BME680, and
// on both a reading counts a quarter.
type settings struct {
	oversampling [gas]byte // of the channels before gas: 0 skip, 1..5 for 1..16 conversions
	filter       byte      // 0 off, 1..7
	heater       int       // °C, 0 is off
	heating      time.Duration
	gasWarmUp    time.Duration
}

func (o BMP280Options) settings() (settings, error) {
	return BME280Options{
		OversamplingTemperature: o.OversamplingTemperature,
		OversamplingPressure:    o.OversamplingPressure,
		Filter:                  o.Filter,
	}.settings()
}

func (o BME280Options) settings() (settings, error) {
	s, errs := oversampling(o.OversamplingTemperature, o.OversamplingHumidity, o.OversamplingPressure)
	if o.OversamplingTemperature == 0 && len(errs) == 0 {
		errs = append(errs, sensors.BadOption("oversampling_temperature", "0 leaves nothing to measure: write 1, 2, 4, 8 or 16"))
	}
	if !slices.Contains([]int{0, 2, 4, 8, 16}, o.Filter) {
		errs = append(errs, sensors.BadOption("filter", "%d is not one of 0, 2, 4, 8, 16", o.Filter))
	}
	if o.Filter > 0 {
		s.filter = byte(bits.Len(uint(o.Filter)) - 1)
	}
	return s, errors.Join(errs...)
}

func (o BME68xOptions) settings() (settings, error) {
	s, errs := oversampling(o.OversamplingTemperature, o.OversamplingHumidity, o.OversamplingPressure)
	if !slices.Contains([]int{0, 1, 3, 7, 15, 31, 63, 127}, o.Filter) {
		errs = append(errs, sensors.BadOption("filter", "%d is not one of 0, 1, 3, 7, 15, 31, 63, 127", o.Filter))
	}
	s.filter = byte(bits.Len(uint(o.Filter)))
	if t := o.HeaterTemperature; t != 0 && (t < 200 || t > 400) {
		errs = append(errs, sensors.BadOption("heater_temperature", "%d °C is not within 200 and 400, nor 0 for off", t))
	}
	if d := o.HeaterDuration; d < time.Millisecond || d > bme68xMaxHeating {
		errs = append(errs, sensors.BadOption("heater_duration", "%v is not within 1ms and 4032ms", d))
	}
	if d := o.GasWarmUp; d < 0 || d > maxWarmUp {
		errs = append(errs, sensors.BadOption("gas_warm_up", "%v is not within 0 and 48h", d))
	}
	if o.HeaterTemperature == 0 && o.OversamplingTemperature == 0 && len(errs) == 0 {
		errs = append(errs, sensors.BadOption("oversampling_temperature", "0 leaves nothing to measure while heater_temperature is 0 as well"))
	}
	s.gasWarmUp = o.GasWarmUp
	if o.HeaterTemperature != 0 {
		s.heater, s.heating = o.HeaterTemperature, o.HeaterDuration.Truncate(time.Millisecond)
	}
	return s, errors.Join(errs...)
}

// oversampling encodes how often each channel is converted.
func oversampling(t, h, p int) (s settings, errs []error) {
	for c, n := range [gas]int{temperature: t, humidity: h, pressure: p} {
		if !slices.Contains([]int{0, 1, 2, 4, 8, 16}, n) {
			errs = append(errs, sensors.BadOption("oversampling_"+quantities[c].Name, "%d is not one of 0, 1, 2, 4, 8, 16", n))
		}
		s.oversampling[c] = byte(bits.Len(uint(n)))
	}
	if t == 0 && (h != 0 || p != 0) {
		errs = append(errs, sensors.BadOption("oversampling_temperature", "0 cannot be: the other channels are computed with the temperature"))
	}
	return s, errs
}

// conversions is how often all channels together are converted.
func (s settings) conversions() time.Duration {
	var n time.Duration
	for _, code := range s.oversampling {
		n += conversions(code)
	}
	return n
}

// conversions is the number behind an oversampling code.
func conversions(code byte) time.Duration { return time.Duration(1) << code >> 1 }

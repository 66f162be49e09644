package bosch

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/sensors"
)

func TestBadOptions(t *testing.T) {
	tests := []struct {
		driver string
		set    any // func(*options)
		option string
	}{
		{"bmp280", func(o *BMP280Options) { o.OversamplingTemperature = 3 }, "oversampling_temperature"},
		{"bmp280", func(o *BMP280Options) { o.OversamplingTemperature = 0 }, "oversampling_temperature"},
		{"bmp280", func(o *BMP280Options) { o.OversamplingPressure = 32 }, "oversampling_pressure"},
		{"bmp280", func(o *BMP280Options) { o.Filter = 3 }, "filter"},
		{"bme280", func(o *BME280Options) { o.OversamplingHumidity = -1 }, "oversampling_humidity"},
		{"bme280", func(o *BME280Options) { o.OversamplingTemperature = 0 }, "oversampling_temperature"},
		{"bme280", func(o *BME280Options) {
			o.OversamplingTemperature, o.OversamplingHumidity, o.OversamplingPressure = 0, 0, 0
		}, "oversampling_temperature"},
		{"bme280", func(o *BME280Options) { o.Filter = 127 }, "filter"},
		{"bme680", func(o *BME68xOptions) { o.OversamplingTemperature = 0 }, "oversampling_temperature"},
		{"bme680", func(o *BME68xOptions) { o.Filter = 16 }, "filter"},
		{"bme680", func(o *BME68xOptions) { o.Filter = -1 }, "filter"},
		{"bme680", func(o *BME68xOptions) { o.HeaterTemperature = 199 }, "heater_temperature"},
		{"bme688", func(o *BME68xOptions) { o.HeaterTemperature = 401 }, "heater_temperature"},
		{"bme688", func(o *BME68xOptions) { o.HeaterDuration = 0 }, "heater_duration"},
		{"bme688", func(o *BME68xOptions) { o.HeaterDuration = 4033 * time.Millisecond }, "heater_duration"},
		{"bme680", func(o *BME68xOptions) { o.GasWarmUp = -time.Second }, "gas_warm_up"},
		{"bme688", func(o *BME68xOptions) { o.GasWarmUp = maxWarmUp + 1 }, "gas_warm_up"},
		{"bme688", func(o *BME68xOptions) {
			o.OversamplingTemperature, o.OversamplingHumidity, o.OversamplingPressure = 0, 0, 0
			o.HeaterTemperature = 0
		}, "oversampling_temperature"},
	}
	for _, tt := range tests {
		_, err := driverNamed(t, tt.driver).Configure(func(options any) error {
			switch set := tt.set.(type) {
			case func(*BMP280Options):
				set(options.(*BMP280Options))
			case func(*BME280Options):
				set(options.(*BME280Options))
			case func(*BME68xOptions):
				set(options.(*BME68xOptions))
			}
			return nil
		})
		var bad *sensors.OptionError
		if !errors.As(err, &bad) {
			t.Errorf("%s, bad %s: error %v is no OptionError", tt.driver, tt.option, err)
		} else if bad.Option != tt.option {
			t.Errorf("%s: error is of option %s, want %s", tt.driver, bad.Option, tt.option)
		}
	}
}

// TestAllBadOptions wants every mistake told at once.
func TestAllBadOptions(t *testing.T) {
	_, err := BME68xOptions{3, 5, 17, 2, 100, time.Minute, -time.Second}.settings()
	for _, option := range []string{
		"oversampling_temperature", "oversampling_humidity", "oversampling_pressure",
		"filter", "heater_temperature", "heater_duration", "gas_warm_up",
	} {
		if !strings.Contains(fmt.Sprint(err), option) {
			t.Errorf("error does not speak of %s: %v", option, err)
		}
	}
}

func TestSettings(t *testing.T) {
	tests := []struct {
		name    string
		options interface{ settings() (settings, error) }
		want    settings
	}{
		{"bmp280", BMP280Options{16, 0, 16}, settings{oversampling: [gas]byte{5, 0, 0}, filter: 4}},
		{"bme280", BME280Options{1, 2, 4, 2}, settings{oversampling: [gas]byte{1, 2, 3}, filter: 1}},
		{
			"filter of a bme680",
			BME68xOptions{8, 16, 1, 127, 320, 4032 * time.Millisecond, time.Minute},
			settings{oversampling: [gas]byte{4, 5, 1}, filter: 7, heater: 320, heating: 4032 * time.Millisecond, gasWarmUp: time.Minute},
		},
		{
			"no heater, no heating",
			BME68xOptions{1, 0, 0, 1, 0, time.Second, 0},
			settings{oversampling: [gas]byte{1, 0, 0}, filter: 1},
		},
		{
			"gas alone",
			BME68xOptions{0, 0, 0, 0, 200, 1500 * time.Microsecond, 0},
			settings{heater: 200, heating: time.Millisecond},
		},
	}
	for _, tt := range tests {
		got, err := tt.options.settings()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(settings{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestOutputs(t *testing.T) {
	want := map[string]string{
		"bmp280": "temp pressure",
		"bme280": "temp humi pressure",
		"bme680": "temp humi pressure gas",
		"bme688": "temp humi pressure gas",
	}
	for _, d := range Drivers() {
		var keys []string
		for _, o := range defaults(t, d.Name).Outputs {
			keys = append(keys, o.Key)
		}
		if got := strings.Join(keys, " "); got != want[d.Name] {
			t.Errorf("%s gives %q, want %q", d.Name, got, want[d.Name])
		}
	}
}

// The filter takes the noise away, and a BME688 has too coarse a gas resistance.
func TestNoiseIsKnown(t *testing.T) {
	tests := []struct {
		plan sensors.Plan
		want []string
	}{
		{configured(t, "bmp280", func(o *BMP280Options) { o.OversamplingPressure = 1 }), []string{"pressure"}},
		{configured(t, "bmp280", func(o *BMP280Options) { o.Filter = 2 }), nil},
		{defaults(t, "bme280"), []string{"pressure"}},
		{defaults(t, "bme680"), []string{"pressure", "gas"}},
		{configured(t, "bme680", func(o *BME68xOptions) { o.Filter = 1 }), []string{"gas"}},
		{defaults(t, "bme688"), []string{"pressure"}},
	}
	for i, tt := range tests {
		var flat []string
		for _, o := range tt.plan.Outputs {
			if o.Limits.Flat > 0 {
				flat = append(flat, o.Key)
			}
		}
		if diff := cmp.Diff(tt.want, flat); diff != "" {
			t.Errorf("plan %d: limited in flat values (-want +got):\n%s", i, diff)
		}
	}
}

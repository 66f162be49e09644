package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sensor-agent/sensors"
)

// ohms is a resistance as drivers read it: 10k.
type ohms float64

func (o *ohms) UnmarshalText(text []byte) error {
	number, kilo := strings.CutSuffix(string(text), "k")
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return fmt.Errorf("%q is not a resistance: write it like 10k", text)
	}
	if kilo {
		f *= 1000
	}
	*o = ohms(f)
	return nil
}

type simulatedOptions struct {
	Shape string  `yaml:"shape"`
	Min   float64 `yaml:"min"`
	Max   float64 `yaml:"max"`
	Seed  uint64  `yaml:"seed"`
}

type bme680Options struct {
	Heater   int           `yaml:"heater"` // °C
	HeatTime time.Duration `yaml:"heat_time"`
}

type channelOptions struct {
	Channel  int         `yaml:"channel"`
	Quantity string      `yaml:"quantity"`
	LDR      *ldrOptions `yaml:"ldr"`
}

type ldrOptions struct {
	Fixed ohms    `yaml:"fixed"`
	R10   ohms    `yaml:"r10"`
	Gamma float64 `yaml:"gamma"`
}

type mcp3008Options struct {
	Vref     float64          `yaml:"vref"`
	Channels []channelOptions `yaml:"channels"`
}

// drivers stand in for the catalogue: one for each way to be wired, with
// options of each kind.
func drivers() []sensors.Driver {
	return []sensors.Driver{
		sensors.NewDriver(sensors.Driver{Name: "simulated"}, simulatedOptions{Shape: "weather"}, planSimulated),
		sensors.NewDriver(sensors.Driver{Name: "bme280", Bus: sensors.I2C, Addresses: []uint16{0x76, 0x77}}, struct{}{},
			func(struct{}) (sensors.Plan, error) {
				return sensors.Plan{
					Outputs: []sensors.Output{
						sensors.Temperature.Output(sensors.Limits{Min: -40, Max: 85, Step: 5, Flat: 40}),
						sensors.Humidity.Output(sensors.Limits{Max: 100}),
						sensors.Pressure.Output(sensors.Limits{}),
					},
					Takes: 50 * time.Millisecond,
				}, nil
			}),
		sensors.NewDriver(sensors.Driver{Name: "bme680", Bus: sensors.I2C, Addresses: []uint16{0x76, 0x77}},
			bme680Options{Heater: 320, HeatTime: 150 * time.Millisecond}, planBME680),
		sensors.NewDriver(sensors.Driver{Name: "mcp3008", Bus: sensors.SPI}, mcp3008Options{Vref: 3.3}, planMCP3008),
	}
}

func planSimulated(o simulatedOptions) (sensors.Plan, error) {
	switch o.Shape {
	case "weather":
		return sensors.Plan{Outputs: sensors.OutputsOf(sensors.Illuminance, sensors.Temperature,
			sensors.Humidity, sensors.Pressure, sensors.GasResistance)}, nil
	case "counter", "uniform":
		return sensors.Plan{Outputs: sensors.OutputsOf(sensors.Number)}, nil
	}
	return sensors.Plan{}, sensors.BadOption("shape", "there is no shape %q: write weather, counter or uniform", o.Shape)
}

func planBME680(o bme680Options) (sensors.Plan, error) {
	var errs []error
	if o.Heater < 200 || o.Heater > 400 {
		errs = append(errs, sensors.BadOption("heater", "%d °C is out of reach: write 200 to 400", o.Heater))
	}
	if o.HeatTime > 4*time.Second {
		errs = append(errs, sensors.BadOption("heat_time", "%v is too long: write up to 4s", o.HeatTime))
	}
	if err := errors.Join(errs...); err != nil {
		return sensors.Plan{}, err
	}
	return sensors.Plan{
		Outputs: sensors.OutputsOf(sensors.Temperature, sensors.Humidity, sensors.Pressure, sensors.GasResistance),
		Takes:   o.HeatTime + 50*time.Millisecond,
	}, nil
}

func planMCP3008(o mcp3008Options) (sensors.Plan, error) {
	var plan sensors.Plan
	if o.Vref <= 0 {
		return plan, errors.New("without a reference voltage nothing can be measured")
	}
	for i, c := range o.Channels {
		q, ok := sensors.QuantityNamed(c.Quantity)
		if !ok {
			return plan, sensors.BadOption(fmt.Sprintf("channels[%d].quantity", i), "there is no quantity %q", c.Quantity)
		}
		plan.Outputs = append(plan.Outputs, sensors.Output{Key: q.Key, Quantity: q})
	}
	return plan, nil
}

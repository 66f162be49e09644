// Package aht20 drives the Aosong AHT20 (also AHT21, and DHT20 on I2C),
// sensors of temperature and humidity, through periph's driver of that name.
// The older AHT10 and AHT15 send no checksum and are refused.
//
// Of periph's driver only NewI2C and Sense are used. Sense measures anew,
// waits within bounds and verifies the checksum; what is added here is the
// identity, that the ends of the scale are no values, and that a context which
// has ended starts nothing. It does not end a measurement under way: that takes
// 80 ms, 230 ms at most.
//
// The data sheet advises 2 s between measurements, lest the chip warm itself.
package aht20

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/devices/v3/aht20"

	"sensor-agent/sensors"
	"sensor-agent/sensors/crc8"
)

const (
	address = 0x38 // the only one; periph's driver knows no other
	late    = 150 * time.Millisecond
)

// What the chip is made for (AHT20 data sheet, "Sensor Performance"). It says
// nothing of noise.
var (
	temperatureLimits = sensors.Limits{Min: -40, Max: 85, Step: sensors.TemperatureStep}
	humidityLimits    = sensors.Limits{Min: 0, Max: 100, Step: sensors.HumidityStep}
)

// Beyond these, °C, there are only the ends of the scale: no bit set, or all.
const bottom, top = -49.9999, 149.9997

// Driver returns the driver of the AHT20.
func Driver() sensors.Driver {
	return sensors.NewDriver(sensors.Driver{
		Name:      "aht20",
		Summary:   "temperature and humidity: AHT20, AHT21, DHT20",
		Bus:       sensors.I2C,
		Addresses: []uint16{address},
		Identify:  recognise,
	}, struct{}{}, func(struct{}) (sensors.Plan, error) {
		return sensors.Plan{
			Outputs: []sensors.Output{
				sensors.Temperature.Output(temperatureLimits),
				sensors.Humidity.Output(humidityLimits),
			},
			Takes: 80*time.Millisecond + late + 10*time.Millisecond,
			Open:  open,
		}, nil
	})
}

type sensor struct {
	chip    *aht20.Dev
	env     physic.Env
	reading [2]sensors.Measurement
}

// open calibrates the chip if it has not been since power-up. It has no
// number to identify it by: a first measurement with a right checksum stands
// in for one.
func open(ctx context.Context, wire sensors.Wire) (sensors.Sensor, error) {
	if wire.Address != address {
		return nil, fmt.Errorf("address %#02x: an AHT20 is always at %#02x", wire.Address, address)
	}
	chip, err := aht20.NewI2C(wire.I2C, &aht20.Opts{
		MeasurementReadTimeout:  late, // 0 would be for ever
		MeasurementWaitInterval: 10 * time.Millisecond,
		ValidateData:            true,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: readying the AHT20: %w", sensors.ErrNotFound, err)
	}
	s := &sensor{chip: chip}
	if _, err := s.Read(ctx); err != nil {
		return nil, fmt.Errorf("%w: first measurement of the AHT20: %w", sensors.ErrNotFound, err)
	}
	return s, nil
}

// Read measures both quantities. A failed checksum is an error, and so is a
// chip that has lost its power: it wants to be opened anew.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.chip.Sense(&s.env); err != nil {
		var corrupt *aht20.DataCorruptionError
		if errors.As(err, &corrupt) {
			err = crc8.ErrChecksum // which says what to do
		}
		return nil, fmt.Errorf("measuring: %w", err)
	}
	temperature := s.env.Temperature.Celsius()
	humidity := float64(s.env.Humidity) / float64(physic.PercentRH)
	if temperature < bottom || temperature > top {
		return nil, fmt.Errorf("the chip sent %.1f °C, the end of its scale: it has not measured, check its supply", temperature)
	}
	s.reading[0] = sensors.Value(temperature)
	s.reading[1] = sensors.Value(humidity)
	return s.reading[:], nil
}

// Close does nothing: the chip sleeps between readings.
func (s *sensor) Close() error { return nil }

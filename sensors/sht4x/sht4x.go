// Package sht4x drives the Sensirion SHT40, SHT41, SHT43 and SHT45, sensors of
// temperature and humidity with a checksum on every word. They differ in
// accuracy and in nothing a driver sees.
//
// Every Read measures anew at high precision; between readings the chip
// sleeps. It keeps no settings, so it needs nothing after a loss of power. The
// heater is not used.
//
// Commands and times: Sensirion SHT4x data sheet, "Command Overview" and
// "Timing Specifications".
package sht4x

import (
	"context"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"sensor-agent/sensors"
	"sensor-agent/sensors/crc8"
)

const (
	cmdMeasure = 0xFD // both quantities, high precision
	cmdSerial  = 0x89
	cmdReset   = 0x94

	measureTakes = 10 * time.Millisecond // 8.3 ms at most
	commandTakes = time.Millisecond      // every other command, at most
)

// What the chips are made for ("Humidity and Temperature Sensor Specifications").
// The least noise, a repeatability of 0.04 °C, is 15 times the step of a
// temperature; humidity has none at 100 %RH, where it is cropped.
var (
	temperatureLimits = sensors.Limits{Min: -40, Max: 125, Step: sensors.TemperatureStep, Flat: sensors.FlatNoise}
	humidityLimits    = sensors.Limits{Min: 0, Max: 100, Step: sensors.HumidityStep}
)

// Driver returns the driver of the SHT4x.
func Driver() sensors.Driver {
	return sensors.NewDriver(sensors.Driver{
		Name:      "sht4x",
		Summary:   "temperature and humidity: SHT40, SHT41, SHT43, SHT45",
		Bus:       sensors.I2C,
		Addresses: []uint16{0x44, 0x45, 0x46},
		Identify:  recognise,
	}, struct{}{}, func(struct{}) (sensors.Plan, error) {
		return sensors.Plan{
			Outputs: []sensors.Output{
				sensors.Temperature.Output(temperatureLimits),
				sensors.Humidity.Output(humidityLimits),
			},
			Takes: 15 * time.Millisecond,
			Open:  open,
		}, nil
	})
}

type sensor struct {
	chip    i2c.Dev
	frame   [2 * crc8.WordSize]byte
	words   [2]uint16
	reading [2]sensors.Measurement
}

// open resets the chip, which ends whatever another program had it do, and
// takes a serial number with a right checksum for its identity.
func open(ctx context.Context, wire sensors.Wire) (sensors.Sensor, error) {
	s := &sensor{chip: i2c.Dev{Bus: wire.I2C, Addr: wire.Address}}
	if err := s.command(ctx, cmdReset, commandTakes); err != nil {
		return nil, fmt.Errorf("%w: resetting the SHT4x: %w", sensors.ErrNotFound, err)
	}
	if err := s.ask(ctx, cmdSerial, commandTakes); err != nil {
		return nil, fmt.Errorf("%w: reading the serial number of the SHT4x: %w", sensors.ErrNotFound, err)
	}
	return s, nil
}

// Read measures both quantities. A failed checksum is an error.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	if err := s.ask(ctx, cmdMeasure, measureTakes); err != nil {
		return nil, fmt.Errorf("measuring: %w", err)
	}
	if raw := s.words[0]; raw == 0 || raw == 0xFFFF {
		return nil, fmt.Errorf("the chip sent %#04x, the end of its scale, for a temperature: it has not measured, check its supply", raw)
	}
	// "Conversion of Signal Output". Relative humidity can come out up to 6 %
	// below 0 and 19 % above 100; the data sheet has it cropped.
	temperature := -45 + 175*float64(s.words[0])/65535
	humidity := -6 + 125*float64(s.words[1])/65535
	s.reading[0] = sensors.Value(temperature)
	s.reading[1] = sensors.Value(min(max(humidity, 0), 100))
	return s.reading[:], nil
}

// Close does nothing: the chip sleeps between readings.
func (s *sensor) Close() error { return nil }

// ask sends a command and reads the two words it is answered with.
func (s *sensor) ask(ctx context.Context, cmd byte, takes time.Duration) error {
	if err := s.command(ctx, cmd, takes); err != nil {
		return err
	}
	if err := s.chip.Tx(nil, s.frame[:]); err != nil {
		return err
	}
	return crc8.Words(s.words[:], s.frame[:])
}

// command sends a command and waits until the chip has carried it out.
func (s *sensor) command(ctx context.Context, cmd byte, takes time.Duration) error {
	s.frame[0] = cmd
	if err := s.chip.Tx(s.frame[:1], nil); err != nil {
		return err
	}
	return sensors.Sleep(ctx, takes)
}

// Package hdc302x drives the Texas Instruments HDC3020, HDC3021 and HDC3022,
// sensors of temperature and humidity with a checksum on every word.
//
// Every Read triggers a measurement of its own; between readings the chip
// sleeps. The chip's automatic mode, which measures at a pace of its own and
// refuses to be read more often, is ended when the sensor is opened. Offsets
// stored in the chip stay in force; heater and alerts are not touched.
//
// Commands and times: Texas Instruments HDC302x data sheet (SNAS778), "Command
// Table and Detailed Description" and "Electrical Characteristics".
package hdc302x

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"sensor-agent/sensors"
	"sensor-agent/sensors/crc8"
)

const (
	cmdMeasure      = 0x2400 // on demand, lowest noise
	cmdExitAuto     = 0x3093
	cmdManufacturer = 0x3781

	manufacturer = 0x3000 // Texas Instruments

	// measureTakes is what the maker's support advises: 12.5 ms is typical, no
	// maximum is given, and users report that a chip read too early sent its
	// previous measurement instead of refusing.
	measureTakes = 20 * time.Millisecond
	commandTakes = time.Millisecond
)

// What the chips are made for ("Electrical Characteristics"). The least noise, a
// repeatability of 0.04 °C, is 15 times the step of a temperature; humidity can
// rest at 0 and at 100 %RH.
var (
	temperatureLimits = sensors.Limits{Min: -40, Max: 125, Step: sensors.TemperatureStep, Flat: sensors.FlatNoise}
	humidityLimits    = sensors.Limits{Min: 0, Max: 100, Step: sensors.HumidityStep}
)

// Driver returns the driver of the HDC302x.
func Driver() sensors.Driver {
	return sensors.NewDriver(sensors.Driver{
		Name:      "hdc302x",
		Summary:   "temperature and humidity: HDC3020, HDC3021, HDC3022",
		Bus:       sensors.I2C,
		Addresses: []uint16{0x44, 0x45, 0x46, 0x47},
		Identify:  recognise,
	}, struct{}{}, func(struct{}) (sensors.Plan, error) {
		return sensors.Plan{
			Outputs: []sensors.Output{
				sensors.Temperature.Output(temperatureLimits),
				sensors.Humidity.Output(humidityLimits),
			},
			Takes: 25 * time.Millisecond,
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

// open ends the automatic mode and verifies the manufacturer's number. The
// chip has no number for its type.
func open(ctx context.Context, wire sensors.Wire) (sensors.Sensor, error) {
	s := &sensor{chip: i2c.Dev{Bus: wire.I2C, Addr: wire.Address}}
	if err := s.command(ctx, cmdExitAuto, commandTakes); err != nil {
		return nil, fmt.Errorf("%w: ending the automatic mode of the HDC302x: %w", sensors.ErrNotFound, err)
	}
	if err := s.ask(ctx, cmdManufacturer, commandTakes, s.words[:1]); err != nil {
		return nil, fmt.Errorf("%w: reading the manufacturer of the HDC302x: %w", sensors.ErrNotFound, err)
	}
	if got := s.words[0]; got != manufacturer {
		return nil, fmt.Errorf("%w: expected an HDC302x, manufacturer %#04x; found manufacturer %#04x", sensors.ErrNotFound, manufacturer, got)
	}
	return s, nil
}

// Read measures both quantities. A failed checksum is an error.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	if err := s.ask(ctx, cmdMeasure, measureTakes, s.words[:]); err != nil {
		return nil, fmt.Errorf("measuring: %w", err)
	}
	// One that has never measured sends zeros, with a right checksum.
	if raw := s.words[0]; raw == 0 || raw == 0xFFFF {
		return nil, fmt.Errorf("the chip sent %#04x, the end of its scale, for a temperature: it has not measured, check its supply", raw)
	}
	// "Measurement of Relative Humidity and Temperature".
	temperature := -45 + 175*float64(s.words[0])/65535
	humidity := 100 * float64(s.words[1]) / 65535
	s.reading[0] = sensors.Value(temperature)
	s.reading[1] = sensors.Value(humidity)
	return s.reading[:], nil
}

// Close does nothing: the chip sleeps between readings.
func (s *sensor) Close() error { return nil }

// ask sends a command and reads the words it is answered with.
func (s *sensor) ask(ctx context.Context, cmd uint16, takes time.Duration, words []uint16) error {
	if err := s.command(ctx, cmd, takes); err != nil {
		return err
	}
	frame := s.frame[:len(words)*crc8.WordSize]
	if err := s.chip.Tx(nil, frame); err != nil {
		return err
	}
	return crc8.Words(words, frame)
}

// command sends a command and waits until the chip has carried it out.
func (s *sensor) command(ctx context.Context, cmd uint16, takes time.Duration) error {
	binary.BigEndian.PutUint16(s.frame[:], cmd)
	if err := s.chip.Tx(s.frame[:2], nil); err != nil {
		return err
	}
	return sensors.Sleep(ctx, takes)
}

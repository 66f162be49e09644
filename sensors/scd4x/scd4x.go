// Package scd4x drives the Sensirion SCD40, SCD41 and SCD43, sensors of CO2,
// temperature and humidity with a checksum on every word.
//
// The chip measures by itself every 5 s, and hands each measurement out once.
// Read waits for one that has not been read: for up to 5 s if asked more often
// than that, so such a sensor wants a stream of its own. What Read returns is
// never older than 5 s.
//
// The chip calibrates itself on the assumption that it meets fresh air every
// week, which is its default and is left alone. Nothing is ever stored in it.
//
// Commands and times: Sensirion SCD4x data sheet, "SCD4x Command Overview".
package scd4x

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"sensor-agent/sensors"
	"sensor-agent/sensors/crc8"
)

const (
	cmdStart    = 0x21B1 // start_periodic_measurement
	cmdStop     = 0x3F86 // stop_periodic_measurement
	cmdReady    = 0xE4B8 // get_data_ready_status
	cmdMeasured = 0xEC05 // read_measurement
	cmdSerial   = 0x3682 // get_serial_number
	cmdAltitude = 0x2427 // set_sensor_altitude

	readyBits = 0x07FF // of get_data_ready_status: none set, no data

	commandTakes = time.Millisecond
	stopTakes    = 500 * time.Millisecond
	update       = 5 * time.Second // between two measurements
	patience     = update + update/10
	poll         = 100 * time.Millisecond
)

// What the chips are made for. CO2 is the range of the output; the range of
// the stated accuracy is smaller and depends on the type.
const (
	lowest, highest = -10.0, 60.0 // °C
	mostCO2         = 40000       // ppm
	mostAltitude    = 3000        // m
)

type options struct {
	Altitude int `yaml:"altitude" help:"height above sea level in m, 0 to 3000: CO2 is corrected for the thinner air"`
}

// Driver returns the driver of the SCD4x.
func Driver() sensors.Driver {
	return sensors.NewDriver(sensors.Driver{
		Name:      "scd4x",
		Summary:   "CO2, temperature and humidity every 5 s: SCD40, SCD41, SCD43",
		Bus:       sensors.I2C,
		Addresses: []uint16{0x62},
		Identify:  recognise,
	}, options{}, plan)
}

func plan(o options) (sensors.Plan, error) {
	if o.Altitude < 0 || o.Altitude > mostAltitude {
		return sensors.Plan{}, sensors.BadOption("altitude", "%d m is outside 0 to %d m", o.Altitude, mostAltitude)
	}
	return sensors.Plan{
		Outputs: sensors.OutputsOf(sensors.CO2, sensors.Temperature, sensors.Humidity),
		Takes:   patience + poll,
		Open: func(ctx context.Context, wire sensors.Wire) (sensors.Sensor, error) {
			return open(ctx, wire, uint16(o.Altitude))
		},
	}, nil
}

type sensor struct {
	chip    i2c.Dev
	frame   [3 * crc8.WordSize]byte
	words   [3]uint16
	reading [3]sensors.Measurement
}

// open has the chip idle, takes a serial number with right checksums for its
// identity, and starts the measuring.
func open(ctx context.Context, wire sensors.Wire, altitude uint16) (sensors.Sensor, error) {
	s := &sensor{chip: i2c.Dev{Bus: wire.I2C, Addr: wire.Address}}
	// A chip that is still carrying out an earlier stop does not acknowledge
	// this one: whether there is a chip, the serial number shows.
	_ = s.send(cmdStop)
	if err := sensors.Sleep(ctx, stopTakes); err != nil {
		return nil, err
	}
	if err := s.ask(ctx, cmdSerial, s.words[:]); err != nil {
		return nil, fmt.Errorf("%w: reading the serial number of the SCD4x: %w", sensors.ErrNotFound, err)
	}
	if err := s.command(ctx, cmdAltitude, altitude); err != nil {
		return nil, fmt.Errorf("setting the altitude: %w", err)
	}
	if err := s.command(ctx, cmdStart); err != nil {
		return nil, fmt.Errorf("starting to measure: %w", err)
	}
	return s, nil
}

// Read returns the first measurement not yet read. A failed checksum is an
// error, and so is a chip that has nothing to say for longer than it can take:
// it has lost its power and wants to be opened anew.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	if err := s.ask(ctx, cmdMeasured, s.words[:]); err != nil {
		return nil, fmt.Errorf("reading the measurement: %w", err)
	}
	temperature := -45 + 175*float64(s.words[1])/65535
	humidity := 100 * float64(s.words[2]) / 65535
	if temperature < lowest || temperature > highest {
		return nil, fmt.Errorf("the chip measured %.1f °C, outside its range of %v to %v °C", temperature, lowest, highest)
	}
	s.reading[0] = carbonDioxide(s.words[0])
	s.reading[1] = sensors.Value(temperature)
	s.reading[2] = sensors.Value(humidity)
	return s.reading[:], nil
}

// Close ends the measuring, which takes 18 mA.
func (s *sensor) Close() error { return s.send(cmdStop) }

// carbonDioxide is in ppm as sent. 0 is what the chip sends for none.
func carbonDioxide(ppm uint16) sensors.Measurement {
	switch {
	case ppm == 0:
		return sensors.NoValue("the chip gave no CO2 value this time")
	case ppm > mostCO2:
		return sensors.NoValue("CO2 is beyond what the chip can tell")
	default:
		return sensors.Value(float64(ppm))
	}
}

// wait returns once there is a measurement to read.
func (s *sensor) wait(ctx context.Context) error {
	for range patience / poll {
		if err := s.ask(ctx, cmdReady, s.words[:1]); err != nil {
			return fmt.Errorf("asking for a measurement: %w", err)
		}
		if s.words[0]&readyBits != 0 {
			return nil
		}
		if err := sensors.Sleep(ctx, poll-commandTakes); err != nil {
			return err
		}
	}
	return errors.New("no measurement in time: the chip has stopped measuring")
}

// ask sends a command and reads the words it is answered with, in a
// transaction of its own: the chip needs the time between.
func (s *sensor) ask(ctx context.Context, cmd uint16, words []uint16) error {
	if err := s.command(ctx, cmd); err != nil {
		return err
	}
	frame := s.frame[:len(words)*crc8.WordSize]
	if err := s.chip.Tx(nil, frame); err != nil {
		return err
	}
	return crc8.Words(words, frame)
}

// command sends a command and waits until the chip has carried it out.
func (s *sensor) command(ctx context.Context, cmd uint16, argument ...uint16) error {
	if err := s.send(cmd, argument...); err != nil {
		return err
	}
	return sensors.Sleep(ctx, commandTakes)
}

// send sends a command with its argument, if it has one.
func (s *sensor) send(cmd uint16, argument ...uint16) error {
	frame := binary.BigEndian.AppendUint16(s.frame[:0], cmd)
	for _, word := range argument {
		frame = crc8.AppendWord(frame, word)
	}
	return s.chip.Tx(frame, nil)
}

// Package scd4x drives the Sensirion SCD40, SCD41 and SCD43, sensors of CO2,
// temperature and humidity with a checksum on every word.
//
// The chip measures by itself every 5 s, and hands each measurement out once.
// Read does not wait for the next one, so that a stream with other sensors keeps
// its pace: it gives the last one again, as stale. Until the first, 5 s after the
// sensor was opened, there is no value, unless the caller's deadline leaves the
// time to wait for it.
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

const (
	mostCO2      = 40000 // ppm
	mostAltitude = 3000  // m
)

// What the chips are made for ("Sensor Performance"). CO2 is the range of the
// output; the range of the stated accuracy is smaller and depends on the type.
// It takes 60 s for 63 % of a change, so a breath, of 4 %, makes 660 ppm in the
// first. The data sheet says nothing of noise but for the accuracy.
var (
	co2Limits         = sensors.Limits{Min: 0, Max: mostCO2, Step: 1000}
	temperatureLimits = sensors.Limits{Min: -10, Max: 60, Step: sensors.TemperatureStep}
	humidityLimits    = sensors.Limits{Min: 0, Max: 100, Step: sensors.HumidityStep}
)

// Why a measurement is not a new one.
const (
	again  = "not measured anew: the chip measures every 5 s"
	notYet = "not measured yet: the first measurement comes 5 s after the chip was started"
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
		Outputs: []sensors.Output{
			sensors.CO2.Output(co2Limits),
			sensors.Temperature.Output(temperatureLimits),
			sensors.Humidity.Output(humidityLimits),
		},
		Takes: 10 * time.Millisecond,
		Open: func(ctx context.Context, wire sensors.Wire) (sensors.Sensor, error) {
			return open(ctx, wire, uint16(o.Altitude))
		},
	}, nil
}

type sensor struct {
	chip    i2c.Dev
	frame   [3 * crc8.WordSize]byte
	words   [3]uint16
	since   time.Time // there was a measurement to read, or the start
	begun   bool      // one has been read
	reading [3]sensors.Measurement
}

// open has the chip idle, takes a serial number with right checksums for its
// identity, and starts the measuring.
func open(ctx context.Context, wire sensors.Wire, altitude uint16) (sensors.Sensor, error) {
	s := &sensor{chip: i2c.Dev{Bus: wire.I2C, Addr: wire.Address}}
	if s.ask(ctx, cmdSerial, s.words[:]) != nil {
		// It measures, or is still carrying out an earlier stop and does not
		// take this one either.
		_ = s.send(cmdStop)
		if err := sensors.Sleep(ctx, stopTakes); err != nil {
			return nil, err
		}
		if err := s.ask(ctx, cmdSerial, s.words[:]); err != nil {
			return nil, fmt.Errorf("%w: reading the serial number of the SCD4x: %w", sensors.ErrNotFound, err)
		}
	}
	if err := s.command(ctx, cmdAltitude, altitude); err != nil {
		return nil, fmt.Errorf("setting the altitude: %w", err)
	}
	if err := s.command(ctx, cmdStart); err != nil {
		return nil, fmt.Errorf("starting to measure: %w", err)
	}
	s.since = time.Now()
	for i := range s.reading {
		s.reading[i] = sensors.NoValue(notYet)
	}
	return s, nil
}

// Read returns a new measurement if there is one, else the last again. A failed
// checksum is an error, and so is a chip that has nothing to say for longer than
// it can take: it has lost its power and wants to be opened anew.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	ready, err := s.ready(ctx)
	for err == nil && !ready && s.awaitsFirst(ctx) {
		if err = sensors.Sleep(ctx, poll); err == nil {
			ready, err = s.ready(ctx)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case ready:
		err = s.measurement(ctx)
	case time.Since(s.since) > patience:
		err = errors.New("no measurement in time: the chip has stopped measuring, check its supply")
	default:
		for i, m := range s.reading {
			s.reading[i] = m.Doubtful(sensors.Stale, again)
		}
	}
	if err != nil {
		return nil, err
	}
	return s.reading[:], nil
}

// ready reports whether there is a measurement that has not been read.
func (s *sensor) ready(ctx context.Context) (bool, error) {
	if err := s.ask(ctx, cmdReady, s.words[:1]); err != nil {
		return false, fmt.Errorf("asking for a measurement: %w", err)
	}
	return s.words[0]&readyBits != 0, nil
}

// awaitsFirst reports whether the first measurement is yet to come, and comes
// before the caller's deadline. Who has none wants an answer now.
func (s *sensor) awaitsFirst(ctx context.Context) bool {
	deadline, patient := ctx.Deadline()
	latest := s.since.Add(patience)
	return !s.begun && patient && deadline.After(latest) && time.Now().Before(latest)
}

// measurement reads a measurement that is ready. If that fails it is lost, but
// the chip is measuring.
func (s *sensor) measurement(ctx context.Context) error {
	s.since = time.Now()
	if err := s.ask(ctx, cmdMeasured, s.words[:]); err != nil {
		return fmt.Errorf("reading the measurement: %w", err)
	}
	if raw := s.words[1]; raw == 0 || raw == 0xFFFF {
		return fmt.Errorf("the chip sent %#04x, the end of its scale, for a temperature: it has not measured, check its supply", raw)
	}
	s.begun = true
	s.reading[0] = carbonDioxide(s.words[0])
	s.reading[1] = sensors.Value(-45 + 175*float64(s.words[1])/65535)
	s.reading[2] = sensors.Value(100 * float64(s.words[2]) / 65535)
	return nil
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

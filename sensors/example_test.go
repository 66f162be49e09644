package sensors_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"syscall"
	"time"

	"periph.io/x/conn/v3/i2c"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
	"sensor-agent/sensors/crc8"
)

// Commands of the Sensirion SHT3x-DIS data sheet, §4.
const (
	cmdMeasure      = 0x2400 // high repeatability, 15 ms at most
	cmdMeasureQuick = 0x2416 // low repeatability, 4 ms at most
	cmdBreak        = 0x3093
	cmdStatus       = 0xF32D
)

// What the chip is made for, °C.
const lowest, highest = -40.0, 125.0

type options struct {
	Repeatability string `yaml:"repeatability" help:"high: least noise; low: in a third of the time"`
}

// Driver returns the driver of the SHT3x.
func Driver() sensors.Driver {
	return sensors.NewDriver(sensors.Driver{
		Name:      "sht3x",
		Summary:   "temperature and humidity: SHT30, SHT31, SHT35",
		Bus:       sensors.I2C,
		Addresses: []uint16{0x44, 0x45}, // the usual one first
	}, options{Repeatability: "high"}, plan)
}

// plan checks the options and tells what the sensor will give. It reaches no
// chip, so that a configuration can be checked on any machine.
func plan(o options) (sensors.Plan, error) {
	s := sensor{measure: cmdMeasure, takes: 16 * time.Millisecond}
	switch o.Repeatability {
	case "high":
	case "low":
		s.measure, s.takes = cmdMeasureQuick, 5*time.Millisecond
	default:
		return sensors.Plan{}, sensors.BadOption("repeatability", "%q is not one of high, low", o.Repeatability)
	}
	return sensors.Plan{
		Outputs: sensors.OutputsOf(sensors.Temperature, sensors.Humidity),
		Takes:   s.takes + 5*time.Millisecond, // with the transactions
		Open: func(ctx context.Context, wire sensors.Wire) (sensors.Sensor, error) {
			return open(ctx, wire, s)
		},
	}, nil
}

type sensor struct {
	chip    i2c.Dev
	measure uint16        // command
	takes   time.Duration // at most
	frame   [2 * crc8.WordSize]byte
	words   [2]uint16
	reading [2]sensors.Measurement // kept, so that Read allocates nothing
}

// open ends what another program had the chip do, and takes a status with a
// right checksum for its identity: it has no number.
func open(ctx context.Context, wire sensors.Wire, s sensor) (sensors.Sensor, error) {
	s.chip = i2c.Dev{Bus: wire.I2C, Addr: wire.Address}
	if err := s.command(ctx, cmdBreak, time.Millisecond); err != nil {
		return nil, fmt.Errorf("%w: stopping the SHT3x: %w", sensors.ErrNotFound, err)
	}
	if err := s.ask(ctx, cmdStatus, time.Millisecond, s.words[:1]); err != nil {
		return nil, fmt.Errorf("%w: reading the status of the SHT3x: %w", sensors.ErrNotFound, err)
	}
	return &s, nil
}

// Read measures once. A failed checksum is an error.
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	if err := s.ask(ctx, s.measure, s.takes, s.words[:]); err != nil {
		return nil, fmt.Errorf("measuring: %w", err)
	}
	celsius := -45 + 175*float64(s.words[0])/65535 // §4.13
	if celsius < lowest || celsius > highest {
		return nil, fmt.Errorf("the chip measured %.1f °C, outside its range of %v to %v °C: check its supply", celsius, lowest, highest)
	}
	s.reading[0] = sensors.Value(celsius)
	s.reading[1] = sensors.Value(100 * float64(s.words[1]) / 65535)
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

// simulated answers on the wire as the chip does.
type simulated struct{ answer []byte }

// Tx implements [chips.Chip].
func (c *simulated) Tx(w, r []byte) error {
	if len(w) == 2 {
		c.answer = nil
		switch binary.BigEndian.Uint16(w) {
		case cmdMeasure, cmdMeasureQuick:
			c.answer = crc8.AppendWord(crc8.AppendWord(nil, 24904), 29491)
		case cmdStatus:
			c.answer = crc8.AppendWord(nil, 0x8010)
		}
	}
	if copy(r, c.answer) < len(r) {
		return syscall.EIO // what an adapter says of a chip that does not acknowledge
	}
	return nil
}

// A whole driver, run on a simulated chip.
func Example() {
	var bus chips.Bus
	bus.Plug(0x44, &simulated{})

	p, err := Driver().Configure(func(any) error { return nil }) // every option at its default
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	s, err := p.Open(ctx, sensors.Wire{I2C: &bus, Address: 0x44, Log: slog.Default()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	reading, err := s.Read(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, output := range p.Outputs {
		fmt.Printf("%s %.2f %s\n", output.Key, reading[i].Value, output.Quantity.Unit)
	}
	// Output:
	// temp 21.50 °C
	// humi 45.00 %RH
}

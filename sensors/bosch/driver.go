package bosch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"sensor-agent/sensors"
)

// A channel is one thing a chip of the family measures, in the order of a
// reading.
type channel int

const (
	temperature channel = iota
	humidity
	pressure
	gas
	channels
)

var quantities = [channels]sensors.Quantity{
	sensors.Temperature, sensors.Humidity, sensors.Pressure, sensors.GasResistance,
}

// A kind is one chip of the family.
type kind struct {
	name     string // as its maker writes it
	driver   string // as a configuration writes it
	id       byte
	variant  byte // register 0xF0, of chips with idBME68x
	measures []channel
}

const idBME68x = 0x61

var (
	bmp280 = kind{"BMP280", "bmp280", 0x58, 0, []channel{temperature, pressure}}
	bme280 = kind{"BME280", "bme280", 0x60, 0, []channel{temperature, humidity, pressure}}
	bme680 = kind{"BME680", "bme680", idBME68x, 0, []channel{temperature, humidity, pressure, gas}}
	bme688 = kind{"BME688", "bme688", idBME68x, 1, []channel{temperature, humidity, pressure, gas}}
)

// Drivers returns the drivers of this package: bmp280, bme280, bme680, bme688.
func Drivers() []sensors.Driver {
	return []sensors.Driver{
		newDriver(bmp280, "temperature and pressure", BMP280Options{
			OversamplingTemperature: 2, OversamplingPressure: 4,
		}),
		newDriver(bme280, "temperature, humidity and pressure", BME280Options{
			OversamplingTemperature: 2, OversamplingHumidity: 1, OversamplingPressure: 4,
		}),
		newDriver(bme680, "temperature, humidity, pressure and gas resistance", defaultBME68x),
		newDriver(bme688, "temperature, humidity, pressure and gas resistance", defaultBME68x),
	}
}

var defaultBME68x = BME68xOptions{
	OversamplingTemperature: 8, OversamplingHumidity: 2, OversamplingPressure: 4,
	HeaterTemperature: 320, HeaterDuration: 150 * time.Millisecond, GasWarmUp: 5 * time.Minute,
}

func newDriver[O interface{ settings() (settings, error) }](k kind, summary string, defaults O) sensors.Driver {
	d := sensors.Driver{
		Name:      k.driver,
		Summary:   summary + " (Bosch " + k.name + ")",
		Bus:       sensors.I2C,
		Addresses: []uint16{0x76, 0x77},
		Identify: func(_ context.Context, wire sensors.Wire) (sensors.Identity, error) {
			return recognise(wire, k)
		},
	}
	return sensors.NewDriver(d, defaults, func(o O) (sensors.Plan, error) {
		s, err := o.settings()
		if err != nil {
			return sensors.Plan{}, err
		}
		// Another chip than the configured one may be found, so a reading
		// takes as long as the slowest would.
		longest := max(bmx280Longest(s), bme68xLongest(s))
		const transfers = 50 * time.Millisecond // of up to 500 bytes at 100 kHz
		w := &warmUp{takes: s.gasWarmUp}
		return sensors.Plan{
			Outputs: s.outputs(k),
			Takes:   longest + lateness(longest) + pollEvery + transfers,
			Open: func(ctx context.Context, wire sensors.Wire) (sensors.Sensor, error) {
				return open(ctx, wire, k, s, w)
			},
		}, nil
	})
}

// A chip is an opened chip. measure fills in the channels that the chip has;
// rest stops it.
type chip interface {
	measure(ctx context.Context, m *[channels]sensors.Measurement) error
	rest() error
}

// sensor makes the reading that was configured of what the chip found gives.
type sensor struct {
	chip
	outputs  []channel
	measured [channels]sensors.Measurement
	reading  sensors.Reading
}

func open(ctx context.Context, wire sensors.Wire, configured kind, s settings, w *warmUp) (sensors.Sensor, error) {
	r := registers{bus: wire.I2C, address: wire.Address}
	found, err := identify(&r)
	if err != nil {
		return nil, err
	}
	if text := mismatch(configured, found); text != "" {
		wire.Log.Warn(text)
	}
	sn := &sensor{outputs: configured.measures, reading: make(sensors.Reading, len(configured.measures))}
	for _, c := range sn.outputs {
		if !slices.Contains(found.measures, c) {
			sn.measured[c] = sensors.NoValue(fmt.Sprintf("the chip is a %s, which has no %s", found.name, quantities[c].Name))
		}
	}
	if found.id == idBME68x {
		sn.chip, err = openBME68x(ctx, r, found, s, w)
	} else {
		if s.filter > bmx280MaxFilter {
			wire.Log.Warn("the chip's filter goes up to 16 only: 16 is used")
		}
		sn.chip, err = openBMX280(ctx, r, found, s)
	}
	if err != nil {
		return nil, err
	}
	return sn, nil
}

// Read implements [sensors.Sensor].
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	if err := s.measure(ctx, &s.measured); err != nil {
		return nil, err
	}
	for i, c := range s.outputs {
		s.reading[i] = s.measured[c]
	}
	return s.reading, nil
}

// Close implements [sensors.Sensor].
func (s *sensor) Close() error {
	if err := s.rest(); err != nil {
		return fmt.Errorf("putting the chip to sleep: %w", err)
	}
	return nil
}

// eremoteio is EREMOTEIO on Linux, with which the Pi's own adapter says that
// nobody acknowledged. The syscall package of other systems lacks it.
const eremoteio = syscall.Errno(121)

// identify finds out which chip answers.
func identify(r *registers) (kind, error) {
	var id, variant [1]byte
	switch err := r.readAlike(regID, id[:]); {
	case errors.Is(err, errUnsteady):
		return kind{}, fmt.Errorf("reading the chip id: %w", err)
	case errors.Is(err, syscall.ENXIO), errors.Is(err, eremoteio): // which of them depends on the adapter
		return kind{}, fmt.Errorf("%w: %w; or is it at %#02x?", sensors.ErrNotFound, err, 0x76+0x77-r.address)
	case err != nil:
		return kind{}, fmt.Errorf("reading the chip id: %w", err)
	}
	if id[0] == idBME68x {
		if err := r.readAlike(regVariant, variant[:]); err != nil {
			return kind{}, fmt.Errorf("reading the chip's variant: %w", err)
		}
	}
	for _, k := range []kind{bmp280, bme280, bme680, bme688} {
		if k.id == id[0] && k.variant == variant[0] {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("%w: the chip id at %#02x reads %#02x, %s", sensors.ErrNotFound, r.address, id[0], guess(id[0], variant[0]))
}

// guess says what a chip with an unknown id may be, and what to do.
func guess(id, variant byte) string {
	switch id {
	case 0x00, 0xFF:
		return "as when no chip holds the bus: check supply, wiring and pull-ups"
	case 0x55:
		return "as a BMP180 or BMP085 does: these are other chips and need a driver of their own"
	case 0x56, 0x57:
		return "as early samples of the BMP280 do: use one from series production"
	case idBME68x:
		return fmt.Sprintf("as a BME680 or BME688 does, but its variant %#02x is unknown: this program is older than the chip", variant)
	}
	return "which is no BMP280, BME280, BME680 or BME688; it may be a BMP388, BMP390, DPS310 or MS5611, which use the same addresses: " +
		"check what is wired there, and its driver"
}

// mismatch says what a person should know when the chip found is not the one
// configured, and what to configure instead; "" when it is.
func mismatch(configured, found kind) string {
	if configured.name == found.name {
		return ""
	}
	text := fmt.Sprintf("the chip is a %s, not a %s: ", found.name, configured.name)
	if missing := without(configured.measures, found.measures); missing != "" {
		text += missing + " will have no value; "
	}
	text += "configure driver " + found.driver
	if more := without(found.measures, configured.measures); more != "" {
		text += " to have " + more + " too"
	}
	return text
}

// without names the channels of a that are not in b.
func without(a, b []channel) string {
	var names []string
	for _, c := range a {
		if !slices.Contains(b, c) {
			names = append(names, quantities[c].Name)
		}
	}
	return strings.Join(names, " and ")
}

package doctor

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/spi"

	"sensor-agent/internal/bus"
	"sensor-agent/internal/chips"
	"sensor-agent/internal/config"
	"sensor-agent/sensors"
)

// addresses looks for drivers of the kernel at the addresses of two sensors.
func addresses(files map[string]string) func(t *testing.T) []Finding {
	return func(t *testing.T) []Finding {
		c := mustParse(t, "sensors: [{driver: bme280}, {driver: bh1750, keys: {light: l}}, {driver: simulated, shape: counter}]")
		return machine(t, files).Addresses(c.Sensors)
	}
}

var addressSightings = []sighting{
	{"free", addresses(map[string]string{"sys/bus/i2c/devices/1-0076/name": "bme280", "sys/bus/i2c/devices/1-0023/name": ""}), OK, "use none of the sensors' addresses", ""},
	{"taken", addresses(map[string]string{"sys/bus/i2c/devices/1-0023/driver": "->../../../bus/i2c/drivers/bh1750"}), Failed, "0x23 on I2C bus 1 (sensor bh1750) belongs to the kernel's driver bh1750", "dtoverlay"},
	{"taken on another bus", addresses(map[string]string{"sys/bus/i2c/devices/0-0023/driver": "->x"}), OK, "use none", ""},
}

// read is a Reader over buses.
func read(buses *bus.Buses) Reader {
	return func(ctx context.Context, s *config.Sensor, log *slog.Logger) (sensors.Reading, error) {
		wire, err := sensors.Wire{Address: s.Address, Log: log}, error(nil)
		if s.Kind == sensors.I2C {
			wire.I2C, err = buses.I2C(s.Bus)
		}
		if err != nil {
			return nil, err
		}
		sensor, err := s.Plan.Open(ctx, wire)
		if err != nil {
			return nil, err
		}
		defer sensor.Close()
		return sensor.Read(ctx)
	}
}

// chipsOn looks at sensors on I2C bus 1 with chips on it.
func chipsOn(text string, plug func(b *chips.Bus)) func(t *testing.T) []Finding {
	return func(t *testing.T) (found []Finding) {
		synctest.Test(t, func(t *testing.T) {
			var wires chips.Bus
			plug(&wires)
			discard := slog.New(slog.DiscardHandler)
			buses := bus.Simulated(discard,
				func(int) (i2c.Bus, error) { return &wires, nil },
				func(int, int) (spi.Port, error) { return nil, errors.New("no SPI") })
			defer time.Sleep(10 * time.Minute) // for the transactions that hang
			defer buses.Close()
			_, found = Sensors(t.Context(), mustParse(t, text).Sensors, read(buses))
		})
		return found
	}
}

// The calibration and a result of the data sheet's example (BST-BME280-DS001).
func bme280() *chips.BME280 {
	calib := [26]byte{0x70, 0x6b, 0x43, 0x67, 0x18, 0xfc, 0x7d, 0x8e, 0x43, 0xd6, 0xd0, 0x0b, 0x27, 0x0b, 0x8c, 0x00, 0xf9, 0xff, 0x8c, 0x3c, 0xf8, 0xc6, 0x70, 0x17, 0x00, 0x4b}
	c := chips.NewBME280(calib, [7]byte{0x6a, 0x01, 0x00, 0x13, 0x23, 0x03, 0x1e})
	c.SetRaw(519888, 415148, 30000)
	return c
}

func bmp280() *chips.BME280 {
	calib := [24]byte{0x70, 0x6b, 0x43, 0x67, 0x18, 0xfc, 0x7d, 0x8e, 0x43, 0xd6, 0xd0, 0x0b, 0x27, 0x0b, 0x8c, 0x00, 0xf9, 0xff, 0x8c, 0x3c, 0xf8, 0xc6, 0x70, 0x17}
	c := chips.NewBMP280(calib)
	c.SetRaw(519888, 415148, 0)
	return c
}

const air = "sensors: [{name: air, driver: bme280}]"

// gives looks at a sensor that reads as given.
func gives(r sensors.Reading, err error) func(t *testing.T) []Finding {
	return func(t *testing.T) []Finding {
		c := mustParse(t, "sensors: [{name: air, driver: tmp102}]")
		_, found := Sensors(t.Context(), c.Sensors, func(context.Context, *config.Sensor, *slog.Logger) (sensors.Reading, error) { return r, err })
		return found
	}
}

var sensorSightings = []sighting{
	{"good", chipsOn(air, func(b *chips.Bus) { b.Plug(0x76, bme280()) }), OK, "air: temp 25.08 °C; humi ", ""},
	{"simulated", chipsOn("sensors: [{driver: simulated, shape: counter}]", func(*chips.Bus) {}), OK, "simulated: value 0", ""},
	{"nothing answers", chipsOn(air, func(*chips.Bus) {}), Failed, "air: chip not found: nothing answers at 0x76", "check the address, the wiring and the supply"},
	{"another chip, near enough", chipsOn(air, func(b *chips.Bus) { b.Plug(0x76, bmp280()) }), Warning, "no value for humi: the chip is a BMP280, which has no humidity", "configure driver bmp280"},
	{"another chip", chipsOn("sensors: [{name: air, driver: tmp102, address: 0x48}]", func(b *chips.Bus) { b.Plug(0x48, chips.NewADS1115()) }), Failed, "air: chip not found: expected a TMP102", "see tmp102 in docs/drivers.md"},
	{"nobody holds the bus", chipsOn(air, func(b *chips.Bus) { b.Plug(0x76, zeros{}) }), Failed, "the chip id at 0x76 reads 0x00, as when no chip holds the bus", "docs/drivers.md"},
	{"bus stuck", chipsOn("sensors: [{name: light, driver: bh1750}]", func(b *chips.Bus) {
		b.Plug(0x23, chips.NewBH1750())
		b.Fault(func(uint16, []byte, []byte) error { time.Sleep(time.Minute); return nil })
	}), Failed, "light: chip not found: switching it on: no answer for 2s: the bus is stuck", "a chip may hold SDA or SCL low: switch the supply of the chips off and on"},
	{"behind a stuck bus", chipsOn("sensors: [{name: light, driver: bh1750}, {name: air, driver: bme280}]", func(b *chips.Bus) {
		b.Plug(0x23, chips.NewBH1750())
		b.Fault(func(uint16, []byte, []byte) error { time.Sleep(time.Minute); return nil })
	}), Skipped, "air: not read, as the bus is stuck", ""},
	{"suspect", gives(sensors.Reading{sensors.Value(-300).Doubtful(sensors.Suspect, "below what it can measure")}, nil), Failed, "air: temp -300.00 °C; temp is suspect: below what it can measure", "check its wiring and supply"},
	{"stale", gives(sensors.Reading{sensors.Value(3).Doubtful(sensors.Stale, "a minute old")}, nil), Warning, "temp is stale: a minute old", ""},
	{"warming up", gives(sensors.Reading{sensors.Value(3).Doubtful(sensors.WarmingUp, "just opened")}, nil), OK, "temp is warming_up: just opened", ""},
	{"no value", gives(sensors.Reading{sensors.NoValue("dark")}, nil), Failed, "air: no value for temp: dark", "check its wiring"},
	{"an error without advice", gives(nil, errors.New("crc error")), Failed, "air: crc error", "`sensor-agent scan`"},
	{"slow", func(t *testing.T) (found []Finding) {
		synctest.Test(t, func(t *testing.T) {
			c := mustParse(t, "sensors: [{name: a, driver: tmp102}, {name: b, driver: bh1750}, {name: c, driver: mcp9808, keys: {temp: t}}, {name: d, driver: ina219}]")
			began := time.Now()
			_, found = Sensors(t.Context(), c.Sensors, func(ctx context.Context, _ *config.Sensor, _ *slog.Logger) (sensors.Reading, error) {
				<-ctx.Done()
				return nil, errors.New("no answer")
			})
			if took := time.Since(began); took > sensorsTime {
				t.Errorf("it took %v", took)
			}
		})
		return found
	}, Failed, "d: not read, as those before it took too long", "mend those first"},
}

type zeros struct{}

func (zeros) Tx(_, r []byte) error { clear(r); return nil }

package catalog

import (
	"encoding/hex"
	"log/slog"
	"reflect"
	"testing"

	"periph.io/x/conn/v3/i2c"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
	"sensor-agent/sensors/adc"
)

// A subject is a driver with the chips to put through faults: of one type, but
// with other trimming, where there is any, and other things to measure.
type subject struct {
	driver string
	chip   func(other bool) specimen
}

// A specimen is a chip just switched on, what takes its supply away for a
// moment, and what changes that which it measures, and changes it back.
type specimen struct {
	chips.Chip
	brownOut func()
	change   func(later bool)
}

func pick[T any](other bool, a, b T) T {
	if other {
		return b
	}
	return a
}

// subjects are all drivers of chips on I2C.
var subjects = []subject{
	{"bmp280", func(other bool) specimen {
		c := chips.NewBMP280([24]byte(bmx280Calibration(other)[:24]))
		return specimen{c, c.Reset, func(later bool) {
			c.SetRaw(pick[uint32](later, 519888, 521000), pick[uint32](other, 415148, 420000), 0)
		}}
	}},
	{"bme280", func(other bool) specimen {
		c := chips.NewBME280([26]byte(bmx280Calibration(other)), [7]byte(unhex("6a01001323031e")))
		return specimen{c, c.Reset, func(later bool) {
			c.SetRaw(pick[uint32](later, 519888, 521000), pick[uint32](other, 415148, 420000), 30000)
		}}
	}},
	{"bme680", func(other bool) specimen {
		c := chips.NewBME680(chips.BME680Variant,
			[23]byte(unhex(pick(other, "a16703", "a26703")+"00c0920ed8589b03220dff361e66275df53ff11e")),
			[14]byte(unhex("3ea42b002d14789c406520e0cb12")), [5]byte(unhex("15b007f4fa")))
		return specimen{c, c.Reset, func(later bool) {
			c.SetField([17]byte(unhex("800049e7207a" + pick(later, "5b", "5d") + "90" + pick(other, "54c8", "58c8") + "000000" + pick(later, "90", "94") + "b30000")))
		}}
	}},
	{"bme688", func(other bool) specimen {
		c := chips.NewBME680(chips.BME688Variant,
			[23]byte(unhex("1d6603bff9889ad658a9c4185900211e8847a9fd72f71e")),
			[14]byte(unhex(pick(other, "3f9735", "3f9835")+"002d14789cd763d3c20912")), [5]byte(unhex("419e56a810")))
		return specimen{c, c.Reset, func(later bool) {
			c.SetField([17]byte(unhex("80005bf2c07a" + pick(later, "f8", "fa") + "a0" + pick(other, "54f5", "58f5") + "0000000000" + pick(later, "da", "de") + "38")))
		}}
	}},
	{"ads1115", func(other bool) specimen {
		c := chips.NewADS1115()
		return specimen{c, c.PowerCycle, func(later bool) {
			c.Set(0, pick[int16](other, 8000, 9000)+pick[int16](later, 0, 300))
			c.Set(1, pick[int16](other, 4000, 5000)+pick[int16](later, 0, 300))
		}}
	}},
	{"ads1015", func(other bool) specimen {
		c := chips.NewADS1015()
		return specimen{c, c.PowerCycle, func(later bool) {
			c.Set(0, pick[int16](other, 8000, 9600)+pick[int16](later, 0, 320))
			c.Set(1, pick[int16](other, 4000, 4800)+pick[int16](later, 0, 320))
		}}
	}},
	// None of these is of another by a factor that a flipped bit makes, as by
	// two in the other mode: that would be believed.
	{"bh1750", func(other bool) specimen {
		c := chips.NewBH1750()
		return specimen{c, c.PowerCycle, func(later bool) {
			c.Shine(pick[float64](other, 1000, 10000) * pick[float64](later, 1, 3))
		}}
	}},
	{"aht20", func(other bool) specimen {
		c := chips.NewAHT20()
		c.Calibrated = true
		return specimen{c, c.PowerCycle, func(later bool) {
			c.Temperature = pick[uint32](other, 0x60000, 0x70000) + pick[uint32](later, 0, 0x800)
		}}
	}},
	{"sht4x", func(other bool) specimen {
		c := chips.NewSHT4x()
		return specimen{c, c.PowerCycle, func(later bool) {
			c.Temperature = pick[uint16](other, 0x6000, 0x7000) + pick[uint16](later, 0, 0x80)
		}}
	}},
	{"hdc302x", func(other bool) specimen {
		c := chips.NewHDC302x()
		return specimen{c, c.PowerCycle, func(later bool) {
			c.Temperature = pick[uint16](other, 0x6000, 0x7000) + pick[uint16](later, 0, 0x80)
		}}
	}},
	{"scd4x", func(other bool) specimen {
		c := chips.NewSCD4x()
		return specimen{c, c.PowerCycle, func(later bool) {
			c.CO2 = pick[uint16](other, 500, 600) + pick[uint16](later, 0, 20)
		}}
	}},
	{"mcp9808", func(other bool) specimen {
		c := chips.NewMCP9808()
		return specimen{c, c.PowerCycle, func(later bool) {
			c.Temperature = pick[uint16](other, 0x0194, 0x0144) + pick[uint16](later, 0, 8)
		}}
	}},
	{"tmp102", func(other bool) specimen {
		c := chips.NewTMP102()
		return specimen{c, c.PowerCycle, func(later bool) {
			c.Temperature = pick[uint16](other, 0x1900, 0x1400) + pick[uint16](later, 0, 0x80)
		}}
	}},
	{"ina219", func(other bool) specimen {
		c := chips.NewINA219()
		return specimen{c, c.PowerCycle, func(later bool) {
			c.Shunt = pick[int16](other, 2000, 1000) + pick[int16](later, 0, 100)
			c.Bus = pick[uint16](other, 2995, 1250) + pick[uint16](later, 0, 25)
		}}
	}},
}

func TestSubjectsAreComplete(t *testing.T) {
	have := map[string]bool{}
	for _, s := range subjects {
		have[s.driver] = true
	}
	for _, d := range Drivers() {
		if d.Bus == sensors.I2C && !have[d.Name] {
			t.Errorf("%s is not put through faults", d.Name)
		}
	}
}

func bmx280Calibration(other bool) []byte {
	return unhex(pick(other, "706b", "806b") + "436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017004b")
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// planned configures a driver with its defaults and, where it has channels, two
// of them.
func planned(t *testing.T, driver string) sensors.Plan {
	t.Helper()
	for _, d := range Drivers() {
		if d.Name != driver {
			continue
		}
		plan, err := d.Configure(func(options any) error {
			if list := reflect.ValueOf(options).Elem().FieldByName("Channels"); list.IsValid() {
				list.Set(reflect.ValueOf([]adc.Channel{{Channel: 0}, {Channel: 1, Key: "second"}}))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
	t.Fatalf("no driver %s", driver)
	return sensors.Plan{}
}

func wire(bus i2c.Bus, driver string) sensors.Wire {
	w := sensors.Wire{I2C: bus, Log: slog.New(slog.DiscardHandler)}
	for _, d := range Drivers() {
		if d.Name == driver {
			w.Address = d.Addresses[0]
		}
	}
	return w
}

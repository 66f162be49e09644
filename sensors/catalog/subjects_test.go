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

// A specimen is a chip just switched on, and what takes its supply away for a
// moment.
type specimen struct {
	chips.Chip
	brownOut func()
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
		c.SetRaw(519888, pick[uint32](other, 415148, 420000), 0)
		return specimen{c, c.Reset}
	}},
	{"bme280", func(other bool) specimen {
		c := chips.NewBME280([26]byte(bmx280Calibration(other)), [7]byte(unhex("6a01001323031e")))
		c.SetRaw(519888, pick[uint32](other, 415148, 420000), 30000)
		return specimen{c, c.Reset}
	}},
	{"bme680", func(other bool) specimen {
		c := chips.NewBME680(chips.BME680Variant,
			[23]byte(unhex(pick(other, "a16703", "a26703")+"00c0920ed8589b03220dff361e66275df53ff11e")),
			[14]byte(unhex("3ea42b002d14789c406520e0cb12")), [5]byte(unhex("15b007f4fa")))
		c.SetField([17]byte(unhex("800049e7207a5b90" + pick(other, "54c8", "58c8") + "00000090b30000")))
		return specimen{c, c.Reset}
	}},
	{"bme688", func(other bool) specimen {
		c := chips.NewBME680(chips.BME688Variant,
			[23]byte(unhex("1d6603bff9889ad658a9c4185900211e8847a9fd72f71e")),
			[14]byte(unhex(pick(other, "3f9735", "3f9835")+"002d14789cd763d3c20912")), [5]byte(unhex("419e56a810")))
		c.SetField([17]byte(unhex("80005bf2c07af8a0" + pick(other, "54f5", "58f5") + "0000000000da38")))
		return specimen{c, c.Reset}
	}},
	{"ads1115", func(other bool) specimen {
		c := chips.NewADS1115()
		c.Set(0, pick[int16](other, 8000, 9000))
		c.Set(1, pick[int16](other, 4000, 5000))
		return specimen{c, c.PowerCycle}
	}},
	{"ads1015", func(other bool) specimen {
		c := chips.NewADS1015()
		c.Set(0, pick[int16](other, 8000, 9600))
		c.Set(1, pick[int16](other, 4000, 4800))
		return specimen{c, c.PowerCycle}
	}},
	{"bh1750", func(other bool) specimen {
		c := chips.NewBH1750()
		c.Set(pick[uint16](other, 1000, 2000))
		return specimen{c, c.PowerCycle}
	}},
	{"aht20", func(other bool) specimen {
		c := chips.NewAHT20()
		c.Temperature = pick[uint32](other, 0x60000, 0x70000)
		c.Calibrated = true
		return specimen{c, c.PowerCycle}
	}},
	{"sht4x", func(other bool) specimen {
		c := chips.NewSHT4x()
		c.Temperature = pick[uint16](other, 0x6000, 0x7000)
		return specimen{c, c.PowerCycle}
	}},
	{"hdc302x", func(other bool) specimen {
		c := chips.NewHDC302x()
		c.Temperature = pick[uint16](other, 0x6000, 0x7000)
		return specimen{c, c.PowerCycle}
	}},
	{"scd4x", func(other bool) specimen {
		c := chips.NewSCD4x()
		c.CO2 = pick[uint16](other, 500, 600)
		return specimen{c, c.PowerCycle}
	}},
	{"mcp9808", func(other bool) specimen {
		c := chips.NewMCP9808()
		c.Temperature = pick[uint16](other, 0x0194, 0x0144)
		return specimen{c, c.PowerCycle}
	}},
	{"tmp102", func(other bool) specimen {
		c := chips.NewTMP102()
		c.Temperature = pick[uint16](other, 0x1900, 0x1400)
		return specimen{c, c.PowerCycle}
	}},
	{"ina219", func(other bool) specimen {
		c := chips.NewINA219()
		c.Shunt, c.Bus = pick[int16](other, 2000, 1000), pick[uint16](other, 2995, 1250)
		return specimen{c, c.PowerCycle}
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

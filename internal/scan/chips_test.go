package scan

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/internal/chips"
	"sensor-agent/internal/config"
	"sensor-agent/sensors"
	"sensor-agent/sensors/catalog"
)

// simulated are the chips of all drivers, just powered up.
var simulated = []struct {
	driver    string
	name      string
	certainty sensors.Certainty
	make      func() chips.Chip
}{
	{"bmp280", "BMP280", sensors.Surely, func() chips.Chip { return chips.NewBMP280([24]byte(calibration[:])) }},
	{"bme280", "BME280", sensors.Surely, func() chips.Chip { return chips.NewBME280([26]byte(calibration[:]), [7]byte(calibration[:])) }},
	{"bme680", "BME680", sensors.Surely, func() chips.Chip { return bme68x(chips.BME680Variant) }},
	{"bme688", "BME688", sensors.Surely, func() chips.Chip { return bme68x(chips.BME688Variant) }},
	{"ads1115", "ADS1115 or ADS1015", sensors.Probably, func() chips.Chip { return chips.NewADS1115() }},
	{"ads1115", "ADS1115 or ADS1015", sensors.Probably, func() chips.Chip { return chips.NewADS1015() }},
	{"bh1750", "BH1750", sensors.Perhaps, func() chips.Chip { return chips.NewBH1750() }},
	{"aht20", "AHT20", sensors.Probably, func() chips.Chip { return chips.NewAHT20() }},
	{"sht4x", "SHT4x", sensors.Surely, func() chips.Chip { return chips.NewSHT4x() }},
	{"hdc302x", "HDC302x", sensors.Surely, func() chips.Chip { return chips.NewHDC302x() }},
	{"scd4x", "SCD4x", sensors.Surely, func() chips.Chip { return chips.NewSCD4x() }},
	{"mcp9808", "MCP9808", sensors.Surely, func() chips.Chip { return chips.NewMCP9808() }},
	{"tmp102", "TMP102", sensors.Probably, func() chips.Chip { return chips.NewTMP102() }},
	{"ina219", "INA219", sensors.Probably, func() chips.Chip { return chips.NewINA219() }},
}

// calibration is one that no driver takes for blank.
var calibration = [26]byte{
	0x70, 0x6B, 0x43, 0x67, 0x18, 0xFC, 0x7D, 0x8E, 0x43, 0xD6, 0xD0, 0x0B, 0x27,
	0x0B, 0x8C, 0x00, 0xF9, 0xFF, 0x8C, 0x3C, 0xF8, 0xC6, 0x70, 0x17, 0x00, 0x4B,
}

func bme68x(variant byte) chips.Chip {
	c := chips.NewBME680(variant, [23]byte(calibration[:]), [14]byte(calibration[:]), [5]byte(calibration[:]))
	c.SetRaw(chips.BME680Raw{Temperature: 0x7E000, Pressure: 0x66000, Humidity: 0x5000, Gas: 0x200, GasValid: true, HeatStable: true})
	return c
}

func driver(t *testing.T, name string) sensors.Driver {
	t.Helper()
	for _, d := range catalog.Drivers() {
		if d.Name == name {
			return d
		}
	}
	t.Fatalf("no driver %s", name)
	return sensors.Driver{}
}

func TestEveryDriverHasAChipHere(t *testing.T) {
	tried := map[string]bool{"ads1015": true} // is taken for an ads1115
	for _, s := range simulated {
		tried[s.driver] = true
	}
	for _, d := range catalog.Drivers() {
		if d.Bus == sensors.I2C && !tried[d.Name] {
			t.Errorf("no scan finds a chip of the driver %s", d.Name)
		}
	}
}

// Each chip is found as what it is at each of its addresses: in the state it
// wakes up in, and in those that a running agent keeps it in.
func TestChipsAreFoundAsThemselves(t *testing.T) {
	for _, s := range simulated {
		d := driver(t, s.driver)
		for _, address := range d.Addresses {
			t.Run(s.name+" at "+Address(address).String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newPi(t)
					w := p.bus(1, "")
					w.Plug(address, s.make())
					want := []Chip{{Address: Address(address), Name: s.name, Certainty: s.certainty, Driver: s.driver}}
					find := func(state string) {
						t.Helper()
						if diff := cmp.Diff(want, p.scan("1").I2C[0].Chips); diff != "" {
							t.Errorf("%s (-want +got)\n%s", state, diff)
						}
					}
					find("powered up")
					find("scanned before")
					sensor := open(t, d, w, address)
					find("opened")
					read(t, sensor, "after a scan")
					if s.driver == "ads1115" {
						want[0].Name = p.scan("1").I2C[0].Chips[0].Name // by then it may be sure which
					}
					find("read")
					time.Sleep(10 * time.Second)
					find("left alone for long")
					read(t, sensor, "after many scans")
					if err := sensor.Close(); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Second) // an SCD4x is stopped by then
					find("closed")
				})
			})
		}
	}
}

// open opens a sensor as the agent does, with its options at their defaults.
func open(t *testing.T, d sensors.Driver, w *wire, address uint16) sensors.Sensor {
	t.Helper()
	plan := planned(t, d)
	s, err := plan.Open(t.Context(), sensors.Wire{I2C: &w.Bus, Address: address, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t *testing.T, s sensors.Sensor, when string) {
	t.Helper()
	if _, err := s.Read(t.Context()); err != nil {
		t.Errorf("read %s: %v", when, err)
	}
}

// planned is the plan of a driver with the options it cannot do without.
func planned(t *testing.T, d sensors.Driver) sensors.Plan {
	t.Helper()
	text := "sensors:\n  - {driver: " + d.Name + ", " + d.Example + "}\n"
	c, err := config.Parse("test", []byte(text), config.Environment{Drivers: catalog.Drivers()})
	if err != nil {
		t.Fatal(err)
	}
	return c.Sensors[0].Plan
}

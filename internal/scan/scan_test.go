package scan

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/internal/chips"
	"sensor-agent/internal/config"
	"sensor-agent/sensors/catalog"
)

var update = flag.Bool("update", false, "write the golden files anew")

// mast is a Pi with a bit of everything: chips that are sure, likely and
// possible, twice the same one, unknown ones, some that the kernel has, a
// display, and what the kernel measures by itself.
func mast(t *testing.T) *pi {
	p := newPi(t)
	p.file("dev/spidev0.0", "")
	w := p.bus(1, "bcm2835 (i2c@fe804000)")
	for a, c := range map[uint16]chips.Chip{
		0x23: chips.NewBH1750(), 0x44: chips.NewSHT4x(), 0x45: chips.NewSHT4x(), 0x48: chips.NewADS1115(),
		0x68: &stranger{reads: filled(0)}, 0x50: &stranger{reads: filled(0xFF)},
		0x76: chips.NewMCP9808(), 0x77: &registered{values: map[byte]string{0xD0: "\x55"}},
	} {
		w.Plug(a, c)
	}
	p.bus(10, "i2c-22-mux (chan_id 1)")
	p.bus(20, "fef04500.i2c")
	p.bus(21, "a graphics card")
	p.bus(22, "bcm2835 (i2c@7e205000)")
	p.link("sys/class/drm/card1-HDMI-A-2/ddc", "../../../../i2c-21")
	p.kernel("1-0068", "ds3231", "rtc-ds1307")
	p.kernel("1-0076", "bme280", "bmp280")
	p.kernel("1-0018", "mcp9808", "") // announced, but its driver is not loaded

	p.link("sys/bus/iio/devices/iio:device0", "../../../devices/i2c/1-0076/iio:device0")
	for _, name := range []string{"in_temp_input", "in_pressure_input", "in_humidityrelative_input", "in_accel_x_raw"} {
		p.file("sys/devices/i2c/1-0076/iio:device0/"+name, "1")
	}
	p.file("sys/devices/i2c/1-0076/iio:device0/name", "bme280")
	p.file("sys/class/thermal/thermal_zone0/type", "cpu-thermal")
	for _, id := range []string{"28-0316a2795bff", "w1_bus_master1"} {
		p.file("sys/bus/w1/devices/"+id+"/name", id)
	}
	return p
}

// golden compares what was printed with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", path, diff)
	}
}

func text(t *testing.T, r Report) string {
	t.Helper()
	var w strings.Builder
	if err := r.Write(&w); err != nil {
		t.Fatal(err)
	}
	return w.String()
}

func TestWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := mast(t).scan("")
		golden(t, "mast.txt", text(t, r))
		j, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "mast.json", string(j)+"\n")
	})
}

// What is printed is a configuration, and still is with all in it that is
// commented out.
func TestConfigurationIsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		printed := text(t, mast(t).scan(""))
		all := regexp.MustCompile(`(?m)^  # - \{`).ReplaceAllString(printed, "  - {")
		for _, c := range []struct {
			text    string
			sensors []string
		}{
			{printed, []string{"sht4x", "sht4x_2", "ads1115", "w1", "bme280"}},
			{all, []string{"sht4x", "sht4x_2", "ads1115", "w1", "bme280", "bh1750", "cpu-thermal", "mcp3008"}},
		} {
			parsed, err := config.Parse("printed", []byte(c.text), config.Environment{Hostname: "pi", Drivers: catalog.Drivers()})
			if err != nil {
				t.Fatalf("%v\n%s", err, c.text)
			}
			var names []string
			for _, s := range parsed.Sensors {
				names = append(names, s.Name)
			}
			if diff := cmp.Diff(c.sensors, names); diff != "" {
				t.Errorf("sensors (-want +got)\n%s", diff)
			}
		}
	})
}

// What the kernel owns is left alone, however it answers.
func TestKernelsChipsAreNotTouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := mast(t)
		p.scan("")
		asked := map[uint16]bool{}
		for _, x := range p.wires[1].sent {
			asked[x.addr] = true
		}
		if asked[0x68] || asked[0x76] || !asked[0x18] || len(asked) != 112-2 {
			t.Errorf("%d addresses were asked; 0x68 %v, 0x76 %v, 0x18 %v", len(asked), asked[0x68], asked[0x76], asked[0x18])
		}
		for _, number := range []int{20, 21, 22} {
			if n := len(p.wires[number].sent); n > 0 {
				t.Errorf("%d transactions on bus %d", n, number)
			}
		}
	})
}

func TestOneBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := mast(t)
		p.wires[20].Plug(0x50, &stranger{reads: filled(0)})
		for _, name := range []string{"20", "/dev/i2c-20"} {
			r := p.scan(name)
			if len(r.I2C) != 1 || r.I2C[0].Name != "20" || len(r.I2C[0].Chips) != 1 || len(r.SPI)+len(r.Kernel)+len(r.Advice) > 0 {
				t.Errorf("--bus %s: %+v", name, r)
			}
		}
		for _, name := range []string{"1", "01", "/dev/i2c-01"} {
			p.wires[1].sent = nil
			if r := p.scan(name); len(r.Kernel) != 1 || r.Kernel[0].Name != "bme280" || r.I2C[0].Name != "1" {
				t.Errorf("bus %s is called %s, the kernel has %+v", name, r.I2C[0].Name, r.Kernel)
			}
			for _, x := range p.wires[1].sent {
				if x.addr == 0x76 {
					t.Fatalf("bus %s: a chip of the kernel's is asked", name)
				}
			}
		}
		if err := p.scan("7").Err(); err == nil || !strings.Contains(err.Error(), "open /dev/i2c-7: no such file or directory: see `ls /dev/i2c-*`") {
			t.Errorf("of a bus that is not there: %v", err)
		}
	})
}

// What the kernel calls something may be anything.
func TestStrangeNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPi(t)
		names := []string{"", "a b: {c}, \"d\" # é", "x86_pkg_temp", "null", strings.Repeat("long", 60), "ok"}
		for i, name := range names {
			p.file(fmt.Sprintf("sys/bus/iio/devices/iio:device%d/name", i), name)
			p.file(fmt.Sprintf("sys/bus/iio/devices/iio:device%d/in_temp_input", i), "1")
		}
		printed := text(t, p.scan(""))
		c, err := config.Parse("printed", []byte(printed), config.Environment{Hostname: "pi", Drivers: catalog.Drivers()})
		if err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		var got []string
		for _, s := range c.Sensors {
			got = append(got, s.Name)
		}
		if diff := cmp.Diff([]string{"a_b___c____d_____", "x86_pkg_temp", "ok"}, got); diff != "" {
			t.Errorf("sensors (-want +got)\n%s\n%s", diff, printed)
		}
	})
}

func TestWithoutAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPi(t)
		r := p.scan("")
		golden(t, "nothing.txt", text(t, r))
		if err := r.Err(); err == nil || err.Error() != "nothing was found that the agent can read" {
			t.Errorf("error %v", err)
		}
		p.bus(1, "")
		p.file("sys/class/thermal/thermal_zone0/type", "cpu-thermal")
		p.file("sys/bus/w1/devices/w1_bus_master1/name", "w1_bus_master1")
		p.file("dev/spidev0.0", "")
		r = p.scan("")
		golden(t, "silence.txt", text(t, r))
		if err := r.Err(); err != nil {
			t.Errorf("with a converter on SPI, perhaps: %v", err)
		}
	})
}

package scan

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/internal/bus"
	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
	"sensor-agent/sensors/catalog"
)

// Chips of three drivers on addresses that they share.
func TestNeighboursAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPi(t)
		w := p.bus(1, "")
		for a, c := range map[uint16]chips.Chip{
			0x44: chips.NewSHT4x(), 0x45: chips.NewHDC302x(), 0x46: chips.NewINA219(), 0x47: chips.NewHDC302x(),
			0x48: chips.NewADS1115(), 0x49: chips.NewTMP102(), 0x4A: chips.NewINA219(), 0x4B: chips.NewTMP102(),
		} {
			w.Plug(a, c)
		}
		var got []string
		for _, c := range p.scan("").I2C[0].Chips {
			got = append(got, c.Address.String()+" "+c.Driver)
		}
		want := []string{
			"0x44 sht4x", "0x45 hdc302x", "0x46 ina219", "0x47 hdc302x",
			"0x48 ads1115", "0x49 tmp102", "0x4a ina219", "0x4b tmp102",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestChipsNoDriverIsFor(t *testing.T) {
	registers := func(values map[byte]string) func() chips.Chip {
		return func() chips.Chip { return &registered{values: values} }
	}
	for _, c := range []struct {
		name    string
		address uint16
		make    func() chips.Chip
		notes   []string // what each begins with
	}{
		{"BMP180", 0x77, registers(map[byte]string{0xD0: "\x55"}), []string{"the chip id at 0x77 reads 0x55, as a BMP180 or BMP085 does"}},
		{"clock", 0x68, registers(nil), nil},
		{"relays", 0x38, func() chips.Chip { return &stranger{reads: filled(0xFE), writes: true} }, []string{"expected an AHT20; what answers reads 0xfe throughout, as a PCF8574A"}},
		{"LM75", 0x48, registers(map[byte]string{1: "\x00\x00", 2: "\x4B\x00", 3: "\x50\x00"}), []string{
			"expected an ADS1115, which has the threshold 0x8000", "expected a TMP102; found its thresholds, but configuration 0x0000, which none can have: it may be an LM75", "expected an INA219, configuration",
		}},
		{"thermostat", 0x49, registers(map[byte]string{1: "\x60\xA0", 2: "\x12\x00", 3: "\x14\x00"}), []string{
			"expected an ADS1115, which has the threshold 0x8000", "expected a TMP102, which has the threshold 0x4b00 in register 2 after power-up; found 0x1200", "expected an INA219, configuration",
		}},
		{"copy", 0x47, func() chips.Chip { c := chips.NewHDC302x(); c.Manufacturer = 0x4D53; return c }, []string{
			"expected an HDC302x, manufacturer 0x3000; found manufacturer 0x4d53",
		}},
		{"servos", 0x40, registers(map[byte]string{0: "\x11\x11", 4: "\xE8\xE8", 5: "\xE0\xE0"}), []string{"expected an INA219, configuration 0x399f after power-up; found 0x1111"}},
		{"SHT3x", 0x44, func() chips.Chip { return &stranger{writes: true} }, []string{"reading the serial number of an SHT4x", "reading the manufacturer of an HDC302x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPi(t)
				p.bus(1, "").Plug(c.address, c.make())
				got := p.scan("").I2C[0].Chips
				if len(got) != 1 || got[0].Driver != "" || got[0].Name != "" || len(got[0].Notes) != len(c.notes) {
					t.Fatalf("found %+v", got)
				}
				for i, note := range c.notes {
					if !strings.HasPrefix(got[0].Notes[i], note) {
						t.Errorf("note %q, want %q…", got[0].Notes[i], note)
					}
				}
			})
		})
	}
}

// A registered chip has registers and nothing else.
type registered struct {
	values map[byte]string
	at     byte
}

func (c *registered) Tx(w, r []byte) error {
	if len(w) > 0 {
		c.at = w[0]
	}
	copy(r, c.values[c.at])
	return nil
}

func TestBusesThatFail(t *testing.T) {
	for _, c := range []struct {
		name    string
		instead func(uint16, []byte, []byte) error
		after   time.Duration
		is      error
		says    string
	}{
		{"hangs", func(uint16, []byte, []byte) error { time.Sleep(time.Hour); return nil }, 2 * time.Second, bus.ErrStuck, "a chip may hold SDA or SCL low: switch the supply"},
		{"times out", func(uint16, []byte, []byte) error { time.Sleep(time.Second); return syscall.ETIMEDOUT }, time.Second, bus.ErrStuck, "a chip may hold SDA or SCL low"},
		{"is slow to refuse", func(uint16, []byte, []byte) error { time.Sleep(time.Second); return syscall.EIO }, time.Second, syscall.EIO, "0x08 failed only after 1s"},
		{"SDA low", func(uint16, []byte, []byte) error { return nil }, 0, errLow, "every address answers"},
		{"SMBus only", func(uint16, []byte, []byte) error { return syscall.EOPNOTSUPP }, 0, syscall.EOPNOTSUPP, "no plain I2C"},
		{"vanishes", func(a uint16, _, _ []byte) error {
			if a < 0x40 {
				return syscall.ENXIO
			}
			return syscall.ENODEV
		}, 0, syscall.ENODEV, "no such device"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPi(t)
				w := p.bus(1, "")
				w.instead = c.instead
				start := time.Now()
				r := p.scan("")
				if took := time.Since(start); took != c.after {
					t.Errorf("took %v, want %v", took, c.after)
				}
				b := r.I2C[0]
				if !errors.Is(b.Err, c.is) || !strings.Contains(b.Err.Error(), c.says) || len(b.Chips) > 0 {
					t.Errorf("error %v, chips %v", b.Err, b.Chips)
				}
				if err := r.Err(); !errors.Is(err, c.is) || !strings.HasPrefix(err.Error(), "I2C bus 1: ") {
					t.Errorf("error of the report: %v", err)
				}
				time.Sleep(time.Hour) // what hangs comes back
			})
		})
	}
}

// What was found before the bus failed is told.
func TestBusFailsMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPi(t)
		w := p.bus(1, "")
		w.Plug(0x18, chips.NewMCP9808())
		w.Plug(0x19, chips.NewMCP9808())
		w.Plug(0x76, chips.NewMCP9808())
		w.Fault(func(a uint16, out, _ []byte) error {
			if a == 0x19 && len(out) > 0 {
				w.instead = func(uint16, []byte, []byte) error { return syscall.ETIMEDOUT }
			}
			return nil
		})
		b := p.scan("").I2C[0]
		want := []Chip{{Address: 0x18, Name: "MCP9808", Certainty: sensors.Surely, Driver: "mcp9808"}, {Address: 0x19}}
		if diff := cmp.Diff(want, b.Chips); diff != "" || !errors.Is(b.Err, bus.ErrStuck) {
			t.Errorf("error %v; (-want +got)\n%s", b.Err, diff)
		}
	})
}

// A user who may not use a bus is told how to, and so is one whose user may
// use another one.
func TestBusThatIsForbidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPi(t)
		p.bus(1, "").denied = true
		p.bus(3, "").Plug(0x18, chips.NewMCP9808())
		r := p.scan("")
		if err := r.I2C[0].Err; !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "permission denied: ") {
			t.Errorf("error %v", err)
		}
		if len(r.I2C[1].Chips) != 1 || !errors.Is(r.Err(), fs.ErrPermission) {
			t.Errorf("chips %v of the other bus; error %v", r.I2C[1].Chips, r.Err())
		}
	})
}

func TestScanEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPi(t)
		w := p.bus(1, "")
		w.Plug(0x18, chips.NewMCP9808())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		b := Device{Root: p.root, Buses: p.buses(), Drivers: catalog.Drivers()}.Scan(ctx, "").I2C[0]
		if !errors.Is(b.Err, context.Canceled) || b.Chips != nil {
			t.Errorf("chips %v, error %v", b.Chips, b.Err)
		}
	})
}

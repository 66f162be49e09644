package scan

import (
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
	"sensor-agent/sensors/catalog"
	"sensor-agent/sensors/crc8"
)

// A stranger is a chip that no driver knows. It keeps account of what reached
// it.
type stranger struct {
	reads  func(r []byte) error // nil: it acknowledges no read
	writes bool                 // it acknowledges writes
	got    []transaction
}

func (c *stranger) Tx(w, r []byte) error {
	c.got = append(c.got, transaction{wrote: append([]byte(nil), w...), toRead: len(r)})
	if len(w) > 0 && !c.writes || len(r) > 0 && c.reads == nil {
		return syscall.EIO
	}
	if len(r) > 0 {
		return c.reads(r)
	}
	return nil
}

// filled reads the same byte over and over, as a PCF8574 does, or an EEPROM
// that is blank.
func filled(v byte) func([]byte) error {
	return func(r []byte) error {
		for i := range r {
			r[i] = v
		}
		return nil
	}
}

// Whatever is wired to a bus, at whatever address, nothing is written to it
// that could be a value.
func TestNothingIsSet(t *testing.T) {
	outputs := func(a uint16) bool { // where a PCF8574, PCF8574A or a memory may be
		return a >= 0x20 && a <= 0x27 || a >= 0x30 && a <= 0x3F || a >= 0x50 && a <= 0x5F
	}
	commands := map[string]bool{"\x89": true, "\x37\x81": true, "\x36\x82": true, "\xE4\xB8": true}
	for _, c := range []struct {
		name string
		make func() *stranger
	}{
		{"one with registers or outputs", func() *stranger { return &stranger{reads: filled(0x5A), writes: true} }},
		{"one that is only read", func() *stranger { return &stranger{reads: filled(0xFF)} }},
		{"one that is only written", func() *stranger { return &stranger{writes: true} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPi(t)
				w := p.bus(1, "")
				there := map[uint16]*stranger{}
				for a := uint16(0); a < 0x80; a++ {
					if a != 0x08 { // or SDA would seem to be held low
						there[a] = c.make()
						w.Plug(a, there[a])
					}
				}
				p.scan("")
				for a, chip := range there {
					for _, x := range chip.got {
						known := len(chipsAt(a)) > 0
						switch {
						case a < 0x08 || a > 0x77:
							t.Errorf("%#02x was asked at all: %x", a, x.wrote)
						case len(x.wrote) == 0:
						case !known || outputs(a):
							t.Errorf("%x was written to %#02x", x.wrote, a)
						case chip.reads != nil && (len(x.wrote) != 1 || x.toRead == 0):
							t.Errorf("%x was written to %#02x, which answers reads, reading %d", x.wrote, a, x.toRead)
						case chip.reads == nil && !commands[string(x.wrote)]:
							t.Errorf("%x was written to %#02x, which answers no reads", x.wrote, a)
						}
					}
				}
			})
		})
	}
}

// chipsAt are the drivers whose chips can be at an address.
func chipsAt(address uint16) []sensors.Driver {
	return Device{Drivers: catalog.Drivers()}.at(address)
}

// What a chip with registers holds after a scan is what it held before.
func TestRegistersStayAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type file interface{ Register(byte) byte }
		for _, s := range simulated {
			c := s.make()
			f, ok := c.(file)
			if !ok {
				continue
			}
			before := [256]byte{}
			for i := range before {
				before[i] = f.Register(byte(i))
			}
			p := newPi(t)
			p.bus(1, "").Plug(0x76, c)
			p.scan("")
			for i := range before {
				if now := f.Register(byte(i)); now != before[i] {
					t.Errorf("%s: register %#02x was %#02x, is %#02x", s.name, i, before[i], now)
				}
			}
		}
	})
}

// Reading the power of an INA219 clears the bit by which an agent knows that a
// conversion has ended.
func TestINA219IsNotHurried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, address := range driver(t, "ina219").Addresses {
			p := newPi(t)
			w := p.bus(1, "")
			w.Plug(address, chips.NewINA219())
			p.scan("")
			for _, x := range w.sent {
				if x.addr == address && len(x.wrote) > 0 && x.wrote[0] == 0x03 {
					t.Errorf("the power at %#02x was read", address)
				}
			}
		}
	})
}

// A driver cannot get past the line, whatever it tries.
func TestLineRefusesWhatCouldDoHarm(t *testing.T) {
	for _, c := range []struct {
		commands bool
		wrote    []byte
		toRead   int
		passes   bool
	}{
		{false, nil, 6, true},
		{false, []byte{0xD0}, 1, true},
		{false, []byte{0xD0}, 0, false},
		{false, []byte{0xE0, 0xB6}, 0, false},
		{false, []byte{0xE0, 0xB6}, 1, false},
		{true, nil, 6, true},
		{true, []byte{0x89}, 0, true},
		{true, []byte{0x37, 0x81}, 0, true},
		{true, []byte{0xD0}, 1, false},
		{true, []byte{0x24, 0x27, 0x00}, 0, false},
	} {
		w := &wire{}
		w.Plug(0x76, &stranger{reads: filled(0), writes: true})
		l := &line{Bus: w, commands: c.commands}
		err := l.Tx(0x76, c.wrote, make([]byte, c.toRead))
		if passed := err == nil; passed != c.passes || passed != (len(w.sent) == 1) || !passed && !errors.Is(err, errUnsafe) {
			t.Errorf("commands %v: write %x, read %d: %v, %d sent", c.commands, c.wrote, c.toRead, err, len(w.sent))
		}
	}
}

// An HDC302x may give its last measurement to whoever reads, again and again.
// Its checksums tell it from chips with registers.
func TestChipThatAnswersInWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPi(t)
		c := &talkative{HDC302x: chips.NewHDC302x()}
		p.bus(1, "").Plug(0x44, c)
		got := p.scan("").I2C[0].Chips
		if len(got) != 1 || got[0].Name != "HDC302x" {
			t.Errorf("found %+v", got)
		}
	})
}

type talkative struct{ *chips.HDC302x }

func (c *talkative) Tx(w, r []byte) error {
	err := c.HDC302x.Tx(w, r)
	if err != nil && len(w) == 0 {
		copy(r, crc8.AppendWord(crc8.AppendWord(nil, c.Temperature), c.Humidity))
		return nil
	}
	return err
}

// The answer to a command of another program may be waiting to be read. It is
// lost to that program, but does not make the chip one with registers.
func TestChipWhoseAnswerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPi(t)
		w := p.bus(1, "")
		w.Plug(0x44, chips.NewSHT4x())
		if err := w.Bus.Tx(0x44, []byte{0xFD}, nil); err != nil { // measure
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := p.scan("").I2C[0].Chips; len(got) != 1 || got[0].Name != "SHT4x" {
			t.Errorf("found %+v", got)
		}
	})
}

// A bit that flips on the wire, which carries no checksum, costs nothing.
func TestOneFlippedBit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPi(t)
		w := p.bus(1, "")
		w.Plug(0x18, chips.NewMCP9808())
		n := 0
		w.Fault(func(_ uint16, out, in []byte) error {
			if n++; len(out) > 0 && n < 6 {
				in[0] ^= 0x10
			}
			return nil
		})
		if got := p.scan("").I2C[0].Chips; len(got) != 1 || got[0].Name != "MCP9808" {
			t.Errorf("found %+v", got)
		}
	})
}

// A whole bus of chips takes well under a second at 100 kHz.
func TestScanIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPi(t)
		w := p.bus(1, "")
		for _, s := range simulated {
			w.Plug(driver(t, s.driver).Addresses[0], s.make())
		}
		p.scan("")
		var took time.Duration
		for _, x := range w.sent {
			const start, bit = 100 * time.Microsecond, 10 * time.Microsecond // the first with what the kernel takes
			took += start + time.Duration(9*(2+len(x.wrote)+x.toRead))*bit
		}
		if took > 300*time.Millisecond {
			t.Errorf("%d transactions take %v", len(w.sent), took)
		}
	})
}

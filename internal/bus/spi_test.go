package bus

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

func connect(t *testing.T, b *Buses, name string, s setup) spi.Conn {
	t.Helper()
	port, err := b.SPI(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := port.Connect(s.limit, s.mode, s.bits)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSPINames(t *testing.T) {
	b := on(&host{tx: echo})
	defer b.Close()
	for name, want := range map[string]string{
		"": "/dev/spidev0.0", "0.0": "/dev/spidev0.0", "/dev/spidev1.2": "/dev/spidev1.2",
		"0": "", "0.": "", ".0": "", "0.0.0": "", "-1.0": "", "0.999": "", "/dev/i2c-1": "",
	} {
		port, err := b.SPI(name)
		switch {
		case want == "" && (err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", name))):
			t.Errorf("%q: got %v, error %v", name, port, err)
		case want != "" && (err != nil || port.String() != want):
			t.Errorf("%q: got %v, error %v, want %s", name, port, err, want)
		}
	}
}

// A transaction goes out with the setup of its own connection, whatever other
// connections the port has; the device is opened again only when it changes.
func TestSPISetupGoesWithTheTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{tx: echo}
		b := on(h)
		defer b.Close()
		slow, fast := setup{physic.MegaHertz, spi.Mode0, 8}, setup{10 * physic.MegaHertz, spi.Mode3, 8}
		for _, s := range []setup{slow, slow, fast, slow} {
			r := make([]byte, 3)
			if err := connect(t, b, "0.0", s).Tx([]byte{1, 0x80, 0}, r); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]byte{1, 0x81, 2}, r); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
		}
		if diff := cmp.Diff([]setup{slow, fast, slow}, h.setups, cmp.AllowUnexported(setup{})); diff != "" {
			t.Errorf("opened with (-want +got):\n%s", diff)
		}
		if n := h.closed.Load(); n != 2 {
			t.Errorf("%d devices closed, want 2", n)
		}
	})
}

func TestSPIRefusesWhatIsNotOneFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{tx: echo}
		b := on(h)
		defer b.Close()
		c := connect(t, b, "", setup{physic.MegaHertz, spi.Mode0, 8})
		for want, err := range map[string]error{
			"make them equal": c.Tx(make([]byte, 2), make([]byte, 3)),
			"empty":           c.Tx(nil, nil),
			"use Tx":          c.TxPackets([]spi.Packet{{W: []byte{1}}}),
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("want an error with %q, got %v", want, err)
			}
		}
		if h.opened() != 0 {
			t.Error("a transaction reached the device")
		}
		if c.Duplex() != conn.Full {
			t.Errorf("duplex %v", c.Duplex())
		}
		threeWire := connect(t, b, "", setup{physic.MegaHertz, spi.HalfDuplex, 8})
		if err := threeWire.Tx([]byte{1}, make([]byte, 2)); err != nil || threeWire.Duplex() != conn.Half {
			t.Errorf("three wires: duplex %v, error %v", threeWire.Duplex(), err)
		}
	})
}

func TestSPIHungTransactionIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck, release := hang()
		h := &host{tx: stuck}
		b := on(h)
		c := connect(t, b, "0.1", setup{physic.MegaHertz, spi.Mode0, 8})
		r := []byte{9}
		if err := c.Tx([]byte{1}, r); err == nil || !strings.Contains(err.Error(), "dmesg") {
			t.Errorf("error %v", err)
		}
		release()
		synctest.Wait()
		if r[0] != 9 {
			t.Error("the abandoned transaction wrote into its caller's buffer")
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

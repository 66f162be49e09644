package chips_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"sensor-agent/internal/chips"
)

func connect(t *testing.T, port *chips.Port) spi.Conn {
	t.Helper()
	conn, err := port.Connect(physic.MegaHertz, spi.Mode0, 8)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestPortWithoutAChip(t *testing.T) {
	var port chips.Port
	r := make([]byte, 3)
	if err := connect(t, &port).Tx([]byte{1, 2, 3}, r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]byte{0xFF, 0xFF, 0xFF}, r); diff != "" {
		t.Errorf("received (-want +got)\n%s", diff)
	}
}

func TestPortRefusesUnequalLengths(t *testing.T) {
	var port chips.Port
	if err := connect(t, &port).Tx([]byte{1, 2, 3}, make([]byte, 2)); err == nil {
		t.Error("3 bytes out and 2 bytes in at once, and no error")
	}
}

func TestPortFault(t *testing.T) {
	var port chips.Port
	port.Plug(chips.NewMCP3xxx(10, 8))
	conn, r := connect(t, &port), make([]byte, 3)
	cause := errors.New("pulled out")
	port.Fault(func(_, r []byte) error { r[0] = 0x42; return cause })
	if err := conn.Tx([]byte{1, 0x80, 0}, r); !errors.Is(err, cause) || r[0] != 0x42 {
		t.Errorf("received % x, error %v", r, err)
	}
	port.Fault(nil)
	if err := conn.Tx([]byte{1, 0x80, 0}, r); err != nil || r[0] == 0x42 {
		t.Errorf("after the fault: received % x, error %v", r, err)
	}
	if n := port.Transfers(); n != 2 {
		t.Errorf("%d transfers counted, want 2", n)
	}
}

func TestPortPacketsAreTransfers(t *testing.T) {
	var port chips.Port
	chip := chips.NewMCP3xxx(12, 8)
	chip.Set(0, 0x123)
	chip.Set(1, 0xABC)
	port.Plug(chip)
	packets := []spi.Packet{
		{W: []byte{0x06, 0x00, 0}, R: make([]byte, 3)},
		{W: []byte{0x06, 0x40, 0}, R: make([]byte, 3)},
	}
	if err := connect(t, &port).TxPackets(packets); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]byte{{0xE1, 0x23}, {0xEA, 0xBC}} {
		if diff := cmp.Diff(want, packets[i].R[1:]); diff != "" {
			t.Errorf("packet %d (-want +got)\n%s", i, diff)
		}
	}
}

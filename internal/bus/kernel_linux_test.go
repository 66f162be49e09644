package bus

import (
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// These ask the kernel.

func TestI2CNodeThatDoesNotExist(t *testing.T) {
	b := New(slog.New(slog.DiscardHandler))
	defer b.Close()
	told := func() error { // before any transaction
		_, err := b.I2C("4711")
		return err
	}
	gone := func() error { // it was there when the bus was named
		b.access = func(string) error { return nil }
		return mustI2C(t, b, "4711").Tx(0x76, []byte{0}, nil)
	}
	for _, attempt := range []func() error{told, gone, gone} {
		err := attempt()
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "open /dev/i2c-4711: no such file or directory: see `ls /dev/i2c-*`") {
			t.Errorf("got %v", err)
		}
	}
}

func TestSPINodeThatDoesNotExist(t *testing.T) {
	b := New(slog.New(slog.DiscardHandler))
	b.access = func(string) error { return nil }
	defer b.Close()
	err := connect(t, b, "47.11", setup{physic.MegaHertz, spi.Mode0, 8}).Tx([]byte{1}, nil)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "open /dev/spidev47.11: no such file or directory: see `ls /dev/spidev*`") {
		t.Errorf("got %v", err)
	}
}

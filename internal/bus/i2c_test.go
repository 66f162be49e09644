package bus

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"periph.io/x/conn/v3/physic"
)

func TestI2CNames(t *testing.T) {
	b := on(&host{tx: echo})
	defer b.Close()
	for name, want := range map[string]string{
		"": "/dev/i2c-1", "1": "/dev/i2c-1", "/dev/i2c-1": "/dev/i2c-1", "20": "/dev/i2c-20",
		"-1": "", "i2c-1": "", "1.0": "", "0x1": "", "/dev/i2c-": "", "99999999999": "", "/dev/spidev0.0": "",
	} {
		bus, err := b.I2C(name)
		switch {
		case want == "" && (err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", name))):
			t.Errorf("%q: got %v, error %v", name, bus, err)
		case want != "" && (err != nil || bus.String() != want):
			t.Errorf("%q: got %v, error %v, want %s", name, bus, err, want)
		}
	}
}

func TestI2CRefusesWhatTheKernelWouldMistake(t *testing.T) {
	h := &host{tx: echo}
	b := on(h)
	defer b.Close()
	bus := mustI2C(t, b, "1")
	for name, tx := range map[string]func() error{
		"7-bit":      func() error { return bus.Tx(0xEC, []byte{0}, nil) },
		"empty":      func() error { return bus.Tx(0x76, nil, []byte{}) },
		"at most":    func() error { return bus.Tx(0x76, make([]byte, 1<<16+1), nil) },
		"at once":    func() error { return bus.Tx(0x76, nil, make([]byte, 8193)) },
		"config.txt": func() error { return bus.SetSpeed(400 * physic.KiloHertz) },
	} {
		if err := tx(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want an error with %q, got %v", name, err)
		}
	}
	if h.opened() != 0 {
		t.Error("a transaction reached the device")
	}
}

// The errors are as periph makes them from what the adapters answer.
func TestI2CErrors(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.ENXIO:      "nothing answers at 0x76",
		eremoteio:          "nothing answers at 0x76",
		syscall.ETIMEDOUT:  "SDA or SCL",
		syscall.EOPNOTSUPP: "SMBus",
		syscall.EIO:        "sysfs-i2c: input/output error",
		syscall.ENODEV:     "sysfs-i2c: no such device",
	} {
		if errno == eremoteio && runtime.GOOS != "linux" {
			continue
		}
		err := i2cError(0x76, fmt.Errorf("sysfs-i2c: %v", errno))
		if !errors.Is(err, errno) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v became %v, want it with %q", errno, err, want)
		}
	}
	if err := errors.New("sysfs-i2c: invalid address"); i2cError(0x76, err) != err {
		t.Error("an error without errno was changed")
	}
}

package bus

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
	"periph.io/x/host/v3/sysfs"
)

const spiPrefix = "/dev/spidev"

// A setup is how an SPI chip has to be spoken to. It is zero on I2C.
type setup struct {
	limit physic.Frequency
	mode  spi.Mode
	bits  int
}

// spiNumbers reads the name of an SPI port: the bus and the chip select.
func spiNumbers(name string) (number, chip int, err error) {
	if name == "" {
		return 0, 0, nil
	}
	before, after, _ := strings.Cut(strings.TrimPrefix(name, spiPrefix), ".")
	n, errN := strconv.ParseUint(before, 10, 16)
	c, errC := strconv.ParseUint(after, 10, 8)
	if errN != nil || errC != nil {
		return 0, 0, fmt.Errorf("no SPI port is called %q: write bus and chip select, such as \"0.0\" for /dev/spidev0.0", name)
	}
	return int(n), int(c), nil
}

func spiNode(number, chip int) node {
	n := node{
		path:   fmt.Sprintf("%s%d.%d", spiPrefix, number, chip),
		group:  "spi",
		enable: "see `ls /dev/spidev*` for the bus and the chip select",
		stuck:  "its kernel driver hangs: see `dmesg`, restart the device",
		device: fmt.Sprintf("/sys/bus/spi/devices/spi%d.%d", number, chip),
		module: "spidev",
	}
	if number == 0 && chip <= 1 { // those of the header
		n.enable = "enable SPI with `sudo raspi-config nonint do_spi 0`, or with dtparam=spi=on in /boot/firmware/config.txt and a restart"
		n.params, n.command = []string{"spi"}, "do_spi"
	}
	return n
}

// An spiPort is what drivers have of a chip select.
type spiPort struct{ *bus }

// Connect implements spi.Port. It reaches for nothing: f, mode and bits go
// with each transaction, so the connections of a port cannot disturb each other
// and a sensor that is opened again connects again. What the kernel refuses of
// them is an error of the first transaction.
func (p spiPort) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	return spiConn{p.bus, setup{limit: f, mode: mode, bits: bits}}, nil
}

// An spiConn is a chip at a chip select.
type spiConn struct {
	*bus
	setup setup
}

// Duplex implements conn.Conn.
func (c spiConn) Duplex() conn.Duplex {
	if c.setup.mode&spi.HalfDuplex != 0 {
		return conn.Half
	}
	return conn.Full
}

// Tx implements spi.Conn. In full duplex w and r have the same length, or one
// of them is empty.
func (c spiConn) Tx(w, r []byte) error {
	if len(w) == 0 && len(r) == 0 {
		return errors.New("empty SPI transaction: write or read at least one byte")
	}
	if c.Duplex() == conn.Full && len(w) != 0 && len(r) != 0 && len(w) != len(r) {
		return fmt.Errorf("SPI transaction writes %d bytes and reads %d: they are clocked together, make them equal", len(w), len(r))
	}
	return c.tx(exchange{setup: c.setup, w: w, r: r})
}

// TxPackets implements spi.Conn: it always fails. No sensor needs several
// packets under one chip select.
func (c spiConn) TxPackets([]spi.Packet) error {
	return errors.New("transactions of several packets are not carried: use Tx")
}

// An spiDevice is an open /dev/spidevX.Y, connected.
type spiDevice struct {
	*sysfs.SPI
	conn spi.Conn
}

func openSPI(number, chip int, s setup) (device, error) {
	port, err := sysfs.NewSPI(number, chip)
	if err != nil {
		return nil, spiNode(number, chip).openError(err)
	}
	c, err := port.Connect(s.limit, s.mode, s.bits)
	if err != nil {
		_ = port.Close() // the error of Connect is the one to be told
		return nil, fmt.Errorf("set up %s: %w", spiNode(number, chip).path, withErrno(err))
	}
	return spiDevice{port, c}, nil
}

func (d spiDevice) Tx(_ uint16, w, r []byte) error {
	if err := d.conn.Tx(w, r); err != nil {
		return withErrno(err)
	}
	return nil
}

package bus

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/host/v3/sysfs"

	"sensor-agent/internal/advice"
)

const (
	i2cPrefix = "/dev/i2c-"
	i2cStuck  = "a chip may hold SDA or SCL low: switch the supply of the chips off and on"

	// maxI2C is the longest message i2c-dev takes (drivers/i2c/i2c-dev.c,
	// i2cdev_ioctl_rdwr). periph cuts longer ones off at 16 bits in silence.
	maxI2C = 8192

	// eremoteio is EREMOTEIO on Linux, with which the Pi's own adapter says
	// that nobody acknowledged. The syscall package of other systems lacks it.
	eremoteio = syscall.Errno(121)
)

// i2cNumber reads the name of an I2C bus.
func i2cNumber(name string) (int, error) {
	if name == "" {
		return 1, nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(name, i2cPrefix), 10, 20)
	if err != nil {
		return 0, fmt.Errorf("no I2C bus is called %q: write its number, such as \"1\" for /dev/i2c-1", name)
	}
	return int(n), nil
}

func i2cNode(number int) node {
	n := node{
		path: i2cPrefix + strconv.Itoa(number), group: "i2c", stuck: i2cStuck,
		enable: "see `ls /dev/i2c-*` for the number of the bus",
		device: fmt.Sprintf("/sys/bus/i2c/devices/i2c-%d", number), module: "i2c-dev",
	}
	if number == 1 {
		n.enable = "enable I2C with `sudo raspi-config nonint do_i2c 0`, or with dtparam=i2c_arm=on in /boot/firmware/config.txt and a restart"
		n.params, n.command = []string{"i2c_arm", "i2c", "i2c1"}, "do_i2c"
	}
	return n
}

// An i2cBus is what drivers have of a bus.
type i2cBus struct{ *bus }

// Tx implements i2c.Bus. An empty transaction is an error, as the kernel does
// not put it on the wire and a chip would seem to have answered.
func (b i2cBus) Tx(addr uint16, w, r []byte) error {
	if addr > 0x7F {
		return fmt.Errorf("%#x is not a 7-bit I2C address: use 0x00 to 0x7f, without the read/write bit", addr)
	}
	if len(w) == 0 && len(r) == 0 {
		return errors.New("empty I2C transaction: write or read at least one byte")
	}
	if len(w) > maxI2C || len(r) > maxI2C {
		return fmt.Errorf("I2C transaction writes %d and reads %d bytes: at most %d go at once", len(w), len(r), maxI2C)
	}
	return b.tx(exchange{addr: addr, w: w, r: r})
}

// SetSpeed implements i2c.Bus: it always fails.
func (b i2cBus) SetSpeed(physic.Frequency) error {
	return errors.New("the kernel sets the speed of an I2C bus: write dtparam=i2c_arm_baudrate=100000 in /boot/firmware/config.txt")
}

// An i2cDevice is an open /dev/i2c-N.
type i2cDevice struct{ *sysfs.I2C }

func openI2C(number int) (device, error) {
	d, err := sysfs.NewI2C(number)
	if err != nil {
		return nil, i2cNode(number).openError(err)
	}
	return i2cDevice{d}, nil
}

func (d i2cDevice) Tx(addr uint16, w, r []byte) error {
	if err := d.I2C.Tx(addr, w, r); err != nil {
		return i2cError(addr, err)
	}
	return nil
}

// i2cError says what the error of a transaction with addr means.
func i2cError(addr uint16, err error) error {
	switch errno := errnoOf(err); errno {
	case syscall.ENXIO, eremoteio: // which of them depends on the adapter's driver
		return advice.To(fmt.Errorf("nothing answers at %#02x: %w", addr, errno), "check the address, the wiring and the supply")
	case syscall.ETIMEDOUT:
		return advice.To(fmt.Errorf("transaction with %#02x: %w: %w", addr, errno, ErrStuck), i2cStuck)
	case syscall.EOPNOTSUPP:
		return advice.To(fmt.Errorf("this adapter carries SMBus commands only, no plain I2C: %w", errno), "use another bus")
	default:
		return withErrno(err)
	}
}

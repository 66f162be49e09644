package bus

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"sensor-agent/internal/advice"
	"sensor-agent/sensors"
)

// ErrStuck marks a transaction that does not come back, or that the kernel has
// given up: the other chips of the bus do not answer either.
var ErrStuck = errors.New("the bus is stuck")

// A node is the device file of a bus, with what to tell the person whose agent
// cannot use it.
type node struct {
	root   string // what stands for /, in tests; "" is /
	path   string // "/dev/i2c-1"
	group  string // whom it belongs to on Raspberry Pi OS
	enable string // how to make it appear
	stuck  string // why a transaction may not come back, and what helps

	device  string   // the folder the kernel has for the bus once its hardware is enabled
	module  string   // the driver that makes the node
	params  []string // of config.txt, each of which enables the hardware; none if there is no such
	command string   // of raspi-config, which does the same
}

// nodeOf returns the node of a bus by its name.
func nodeOf(kind sensors.Bus, name string) (node, error) {
	if kind == sensors.SPI {
		number, chip, err := spiNumbers(name)
		return spiNode(number, chip), err
	}
	number, err := i2cNumber(name)
	return i2cNode(number), err
}

// Node returns the device node of a bus by its name, "/dev/i2c-1", and the
// group it belongs to on Raspberry Pi OS.
func Node(kind sensors.Bus, name string) (path, group string, err error) {
	n, err := nodeOf(kind, name)
	return n.path, n.group, err
}

// Examine returns the error that opening a bus would end with for this process,
// nil if it would not. It opens nothing. root stands for / in tests; it is ""
// otherwise.
func Examine(root string, kind sensors.Bus, name string) error {
	n, err := nodeOf(kind, name)
	if err != nil {
		return err
	}
	n.root = root
	if err := access(n.root + n.path); err != nil {
		return n.openError(err)
	}
	return nil
}

// stuckError makes what happened to a transaction an [ErrStuck].
func (n node) stuckError(what string) error {
	return advice.To(fmt.Errorf("%s: %w", what, ErrStuck), n.stuck)
}

// access reports whether the node at path could be opened.
func access(path string) error {
	const readWrite = 4 | 2 // R_OK, W_OK (access(2))
	if err := syscall.Access(path, readWrite); err != nil {
		return fmt.Errorf("access: %w", err)
	}
	return nil
}

// openError makes periph's error of opening the node one that says what to do
// and that errors.Is can look into. periph's own advice, to join the group
// plugdev, is not right on a Pi.
func (n node) openError(err error) error {
	switch errno := errnoOf(err); errno {
	case syscall.ENOENT, syscall.ENODEV, syscall.ENXIO:
		return advice.To(fmt.Errorf("open %s: %w", n.path, errno), n.missing())
	case syscall.EACCES:
		return advice.To(fmt.Errorf("open %s: %w", n.path, errno), n.join())
	case syscall.EPERM: // not the file's mode, but a container or a systemd unit
		return advice.To(fmt.Errorf("open %s: %w", n.path, errno), AllowInUnit(n.path))
	default:
		return fmt.Errorf("open %s: %w", n.path, withErrno(err))
	}
}

// AllowInUnit says how a systemd unit is allowed to use the node at path.
func AllowInUnit(path string) string {
	return fmt.Sprintf("allow it in the unit with DeviceAllow=%s rw", path)
}

// GiveTo says how a node that is for root alone is given to a group.
func GiveTo(group string) string {
	return fmt.Sprintf("give it to group %s by a udev rule with GROUP=%q, MODE=\"0660\"", group, group)
}

// join says which group may use the node and how to get into it.
func (n node) join() string {
	group := n.group
	if info, err := os.Stat(n.root + n.path); err == nil {
		stat, ok := info.Sys().(*syscall.Stat_t)
		if ok && (stat.Gid == 0 || info.Mode()&0o060 != 0o060) {
			return "it is for root alone: " + GiveTo(group)
		}
		if ok {
			if g, err := user.LookupGroupId(strconv.FormatUint(uint64(stat.Gid), 10)); err == nil {
				group = g.Name
			}
		}
	}
	name := "USER"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return fmt.Sprintf("join its group with `sudo usermod -aG %s %s` and log in again, or in a unit with SupplementaryGroups=%s", group, name, group)
}

// errnoOf returns the errno with which an error of periph ends, or 0. periph
// formats it with %v, so the text is all that is left of it.
func errnoOf(err error) syscall.Errno {
	const last = 133 // EHWPOISON, the last errno of Linux
	text := err.Error()
	text = text[strings.LastIndex(text, ": ")+1:]
	text = strings.TrimPrefix(text, " ")
	for errno := syscall.Errno(1); errno <= last; errno++ {
		if errno.Error() == text {
			return errno
		}
	}
	return 0
}

// withErrno gives an error of periph its errno back, for errors.Is.
func withErrno(err error) error {
	if errno := errnoOf(err); errno != 0 {
		return errnoError{err, errno}
	}
	return err
}

type errnoError struct {
	error
	errno syscall.Errno
}

func (e errnoError) Unwrap() error { return e.errno }

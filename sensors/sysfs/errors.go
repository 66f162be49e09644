package sysfs

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// remoteIO is Linux's EREMOTEIO, with which the Pi's I2C buses say that a chip
// does not acknowledge. Other systems, which have no /sys, do not name it.
const remoteIO = syscall.Errno(121)

// Gone reports whether err says that the device of an open attribute is there
// no more.
func Gone(err error) bool { return errors.Is(err, syscall.ENODEV) }

// explain makes an error met at a file below /sys one that says what to do.
func explain(path string, err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		err = failed.Err // its path is the one below /sys
	}
	var advice string
	switch {
	case errors.Is(err, fs.ErrPermission):
		advice = ": let the agent's user read it, as by a udev rule"
	case Gone(err):
		advice = ": its device is unplugged, or the kernel's driver was unloaded"
	case errors.Is(err, syscall.EBUSY):
		advice = ": another program is using the device, perhaps through its buffer: end that one"
	case errors.Is(err, syscall.ENODATA):
		advice = ": the kernel has no value: it may be switched off by the attribute whose name ends in _enable"
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, remoteIO):
		advice = ": the device does not answer the kernel: check its wires and its supply"
	}
	return fmt.Errorf("reading /sys/%s: %w%s", path, err, advice)
}

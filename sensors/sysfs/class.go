package sysfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"sensor-agent/sensors"
)

// A Class is a folder below /sys with an entry for each device of one kind.
// The kernel numbers them in the order it meets them, which may be another one
// at the next boot, so a device is found by what it says of itself.
type Class struct {
	Kind   string // in words: "IIO device"
	Dir    string // below /sys: "bus/iio/devices"
	Prefix string // of the entry of a device: "iio:device"
	Name   string // the attribute that holds a device's name: "name"
	Advice string // what to do to have a device there; "" for nothing
}

// A Device is one entry of a class.
type Device struct {
	Dir   string // below /sys
	Name  string
	Label string // as given to it in the device tree; "" if it has none
	Above string // the device it belongs to, "1-0076"; "" if it has none
}

// Find returns the folder, below /sys, of the device with this name. at says
// which, where several have the same name: it is the label of the device or
// the device above it, for a chip on I2C bus 1 at address 0x76 "1-0076". ""
// takes the only one. An error lists those that are there; it is
// [sensors.ErrNotFound] when none is meant.
func (c Class) Find(root fs.FS, name, at string) (dir string, err error) {
	all, err := c.Devices(root)
	if err != nil {
		return "", err
	}
	var named, meant []Device
	for _, d := range all {
		if d.Name != name {
			continue
		}
		named = append(named, d)
		if at == "" || at == d.Label || at == d.Above {
			meant = append(meant, d)
		}
	}
	advice := c.Advice
	if advice != "" {
		advice = ": " + advice
	}
	switch {
	case len(meant) == 1:
		return meant[0].Dir, nil
	case len(meant) > 1:
		return "", fmt.Errorf("there is more than one %s %q: say which by `at`; there are %s", c.Kind, name, list(meant))
	case len(named) > 0:
		return "", fmt.Errorf("%w: no %s %q is at %q; there is %s", sensors.ErrNotFound, c.Kind, name, at, list(named))
	case len(all) > 0:
		return "", fmt.Errorf("%w: there is no %s %q%s; there is %s", sensors.ErrNotFound, c.Kind, name, advice, list(all))
	default:
		return "", fmt.Errorf("%w: there is no %s%s", sensors.ErrNotFound, c.Kind, advice)
	}
}

// Devices lists a class; it is empty where the kernel has none of them. An
// entry without a name cannot be meant; it may also have gone while the list
// was made.
func (c Class) Devices(root fs.FS) ([]Device, error) {
	entries, err := List(root, c.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []Device
	for _, entry := range entries {
		if !strings.HasPrefix(entry, c.Prefix) {
			continue
		}
		dir := path.Join(c.Dir, entry)
		name, err := readText(root, path.Join(dir, c.Name))
		if err != nil {
			continue
		}
		label, err := readText(root, path.Join(dir, "label"))
		if err != nil {
			label = ""
		}
		all = append(all, Device{dir, name, label, c.above(root, dir)})
	}
	return all, nil
}

// above returns the name of the device that an entry belongs to. An entry is a
// link to a folder of the tree of devices; a link "device" there leads to the
// one above, or else that is the folder around it. What belongs to none stands
// in a folder named as its class is.
func (c Class) above(root fs.FS, dir string) string {
	if link, err := fs.ReadLink(root, path.Join(dir, "device")); err == nil {
		return path.Base(link)
	}
	link, err := fs.ReadLink(root, dir)
	if err != nil {
		return ""
	}
	above := path.Base(path.Dir(link))
	if above == path.Base(c.Dir) {
		return ""
	}
	return above
}

// list says what devices there are, for a person.
func list(devices []Device) string {
	var words []string
	for _, d := range devices {
		switch {
		case d.Label != "":
			words = append(words, d.Name+" at "+d.Label)
		case d.Above != "":
			words = append(words, d.Name+" at "+d.Above)
		default:
			words = append(words, d.Name)
		}
	}
	return strings.Join(words, ", ")
}

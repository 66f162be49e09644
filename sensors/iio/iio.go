// Package iio reads what the kernel's own drivers for sensors measure, by its
// Industrial I/O subsystem: some hundreds of chips, of which the agent needs to
// know nothing.
//
// The kernel reads a chip once for each channel, so the values of one reading
// are some milliseconds apart. Only direct reads are made; buffers and triggers
// are for higher speeds than an agent publishes at. What a chip can be tuned
// to, and is by a file in the same folder, is left as it is.
//
// Names and units: Documentation/ABI/testing/sysfs-bus-iio of the Linux kernel.
package iio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"sensor-agent/sensors"
	"sensor-agent/sensors/sysfs"
)

type options struct {
	Device   string    `yaml:"device" help:"name of the device, which is in the file /sys/bus/iio/devices/*/name: bme280"`
	At       string    `yaml:"at" help:"which one, where several have that name: its label, or the device it belongs to, 1-0076 for address 0x76 on I2C bus 1"`
	Channels []channel `yaml:"channels" help:"the channels to read"`
}

// devices is where the kernel lists them.
var devices = sysfs.Class{
	Kind:   "IIO device",
	Dir:    "bus/iio/devices",
	Prefix: "iio:device",
	Name:   "name",
	Advice: "load the kernel's driver of the chip, as with dtoverlay=i2c-sensor,bme280 in /boot/firmware/config.txt and a restart of the Pi",
}

// Driver returns the driver of the kernel's IIO devices.
func Driver() sensors.Driver { return driver(sysfs.Root()) }

func driver(sys fs.FS) sensors.Driver {
	return sensors.NewDriver(sensors.Driver{
		Name:    "iio",
		Summary: "any sensor that the Linux kernel has an Industrial I/O driver for",

		Discover: discover,
	}, options{}, func(o options) (sensors.Plan, error) { return plan(sys, o) })
}

func plan(sys fs.FS, o options) (sensors.Plan, error) {
	var errs []error
	if o.Device == "" {
		errs = append(errs, sensors.BadOption("device", "it is missing: write the name that `cat /sys/bus/iio/devices/*/name` shows"))
	}
	if len(o.Channels) == 0 {
		errs = append(errs, sensors.BadOption("channels", "there is none: list at least one, as in `channels: [{channel: temp}]`"))
	}
	var takes time.Duration
	outputs := make([]sensors.Output, len(o.Channels))
	inputs := make([]sysfs.Input, len(o.Channels))
	for i, c := range o.Channels {
		at := fmt.Sprintf("channels[%d]", i)
		unit, err := c.unit(at)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		outputs[i] = sensors.Output{Key: c.Key, Quantity: unit.quantity}
		if c.Key == "" {
			outputs[i].Key = unit.quantity.Key
		}
		if j := slices.IndexFunc(outputs[:i], func(other sensors.Output) bool { return other.Key == outputs[i].Key }); j >= 0 {
			errs = append(errs, sensors.BadOption(at+".key", "channels %s and %s both give %q: set `key` on one of them",
				o.Channels[j].Channel, c.Channel, outputs[i].Key))
		}
		inputs[i] = input(o.Device, c.Channel, unit.factor)
		takes += unit.takes
	}
	if err := errors.Join(errs...); err != nil {
		return sensors.Plan{}, err
	}
	find := func() (string, error) { return devices.Find(sys, o.Device, o.At) }
	return sensors.Plan{
		Outputs: outputs,
		Takes:   takes,
		Open: func(context.Context, sensors.Wire) (sensors.Sensor, error) {
			return sysfs.Open(sys, find, inputs)
		},
	}, nil
}

// input reads a channel, which is either processed by the kernel or raw. What
// is raw becomes a value in the ABI's unit by (raw + offset) × scale; both may
// be missing, for 0 and 1. They are read each time, as the scale of a chip with
// a choice of ranges follows its range.
func input(device, channel string, factor float64) sysfs.Input {
	percent := device == "bme680" && channel == "humidityrelative"
	return func(folder *sysfs.Folder) (sysfs.Measure, error) {
		value, err := folder.OpenIfThere("in_" + channel + "_input")
		if err != nil {
			return nil, err
		}
		var offset, scale *sysfs.Attribute
		if value == nil {
			if value, err = folder.Open("in_" + channel + "_raw"); errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("the device has no channel %s%s", channel, others(folder))
			}
			if err == nil {
				offset, err = folder.OpenIfThere(attributes(channel, "offset")...)
			}
			if err == nil {
				scale, err = folder.OpenIfThere(attributes(channel, "scale")...)
			}
			if err != nil {
				return nil, err
			}
		}
		return func() (sensors.Measurement, error) {
			v, err := processed(value, offset, scale)
			// The driver of the BME680 says percent where the ABI wants
			// milli-percent (drivers/iio/chemical/bme680_core.c, Linux 4.19 on).
			// Should that be put right one day, its values will exceed 100.
			if percent && v <= 100 {
				v *= 1000
			}
			return sensors.Value(v * factor), err
		}, nil
	}
}

// processed reads a value in the ABI's unit. offset and scale may be nil.
func processed(value, offset, scale *sysfs.Attribute) (float64, error) {
	v, err := value.Number()
	if offset != nil && err == nil {
		var n float64
		n, err = offset.Number()
		v += n
	}
	if scale != nil && err == nil {
		var n float64
		n, err = scale.Number()
		v *= n
	}
	return v, err
}

// others says which channels there are, for the person who named one that is
// not.
func others(folder *sysfs.Folder) string {
	names, err := folder.Names()
	if err != nil {
		return ""
	}
	return ": it has " + cmp.Or(strings.Join(channelsAmong(names), ", "), "none")
}

// channelsAmong returns the channels that a device has by the names of its
// files, in the order of these.
func channelsAmong(files []string) []string {
	var channels []string
	for _, name := range files {
		name, in := strings.CutPrefix(name, "in_")
		name, input := strings.CutSuffix(name, "_input")
		name, raw := strings.CutSuffix(name, "_raw")
		if in && (input || raw) {
			channels = append(channels, name)
		}
	}
	return slices.Compact(channels)
}

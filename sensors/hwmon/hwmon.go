// Package hwmon reads what the kernel knows of the machine itself and of chips
// that watch over machines: the Pi's own temperature, voltages, fans. It reads
// the inputs of a hwmon chip, or a thermal zone.
//
// Of a chip, inputs are read and nothing else: no limits, no alarms.
//
// Names and units: Documentation/hwmon/sysfs-interface.rst and
// Documentation/driver-api/thermal/sysfs-api.rst of the Linux kernel.
package hwmon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"sensor-agent/sensors"
	"sensor-agent/sensors/sysfs"
)

type options struct {
	Zone   string  `yaml:"zone" help:"a thermal zone, by its type, which is in /sys/class/thermal/thermal_zone*/type: cpu-thermal"`
	Chip   string  `yaml:"chip" help:"instead of a zone a chip, by its name, which is in /sys/class/hwmon/hwmon*/name: cpu_thermal"`
	At     string  `yaml:"at" help:"which chip, where several have that name: its label, or the device it belongs to, 1-0048 for address 0x48 on I2C bus 1"`
	Inputs []input `yaml:"inputs" help:"the inputs of the chip to read"`
}

var chips = sysfs.Class{
	Kind:   "hwmon chip",
	Dir:    "class/hwmon",
	Prefix: "hwmon",
	Name:   "name",
	Advice: "load the kernel's driver of the chip, as with dtoverlay=i2c-sensor,lm75 in /boot/firmware/config.txt and a restart of the Pi",
}

var zones = sysfs.Class{
	Kind:   "thermal zone",
	Dir:    "class/thermal",
	Prefix: "thermal_zone",
	Name:   "type",
}

// takes allows for one input of a chip on a slow bus; the machine's own take
// some microseconds.
const takes = 50 * time.Millisecond

// Driver returns the driver of the kernel's hardware monitoring.
func Driver() sensors.Driver { return driver(sysfs.Root()) }

func driver(sys fs.FS) sensors.Driver {
	return sensors.NewDriver(sensors.Driver{
		Name:    "hwmon",
		Summary: "the Pi's own temperature, and chips that the Linux kernel has a hardware monitoring driver for",

		Discover: discover,
	}, options{}, func(o options) (sensors.Plan, error) { return plan(sys, o) })
}

// Zone returns what the driver makes of the option `zone` alone: the
// temperature of a thermal zone, for who needs that of the Pi beside a sensor's.
func Zone(name string) sensors.Plan { return planZone(sysfs.Root(), name) }

func planZone(sys fs.FS, name string) sensors.Plan {
	find := func() (string, error) { return zones.Find(sys, name, "") }
	return sensors.Plan{
		Outputs: sensors.OutputsOf(sensors.Temperature),
		Takes:   takes,
		Open: func(context.Context, sensors.Wire) (sensors.Sensor, error) {
			return sysfs.Open(sys, find, []sysfs.Input{zone})
		},
	}
}

func plan(sys fs.FS, o options) (sensors.Plan, error) {
	switch {
	case o.Zone == "" && o.Chip == "":
		return sensors.Plan{}, sensors.BadOption("zone", "neither `zone` nor `chip` is there: write `zone: cpu-thermal` for the Pi's own temperature")
	case o.Zone != "" && (o.Chip != "" || o.At != "" || len(o.Inputs) > 0):
		return sensors.Plan{}, sensors.BadOption("zone", "a zone has a temperature and nothing else: leave `chip`, `at` and `inputs` out, or `zone`")
	case o.Zone != "":
		return planZone(sys, o.Zone), nil
	}
	outputs, inputs, err := configure(o.Inputs)
	if err != nil {
		return sensors.Plan{}, err
	}
	find := func() (string, error) { return chips.Find(sys, o.Chip, o.At) }
	return sensors.Plan{
		Outputs: outputs,
		Takes:   time.Duration(len(inputs)) * takes,
		Open: func(context.Context, sensors.Wire) (sensors.Sensor, error) {
			return sysfs.Open(sys, find, inputs)
		},
	}, nil
}

// configure checks the inputs, whose order it keeps.
func configure(list []input) ([]sensors.Output, []sysfs.Input, error) {
	if len(list) == 0 {
		return nil, nil, sensors.BadOption("inputs", "there is none: list at least one, as in `inputs: [{input: temp1}]`")
	}
	var errs []error
	outputs := make([]sensors.Output, len(list))
	inputs := make([]sysfs.Input, len(list))
	for i, in := range list {
		at := fmt.Sprintf("inputs[%d]", i)
		unit, err := in.unit(at)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		outputs[i] = sensors.Output{Key: in.Key, Quantity: unit.quantity}
		if in.Key == "" {
			outputs[i].Key = unit.quantity.Key
		}
		if j := slices.IndexFunc(outputs[:i], func(other sensors.Output) bool { return other.Key == outputs[i].Key }); j >= 0 {
			errs = append(errs, sensors.BadOption(at+".key", "inputs %s and %s both give %q: set `key` on one of them", list[j].Input, in.Input, outputs[i].Key))
		}
		inputs[i] = func(folder *sysfs.Folder) (sysfs.Measure, error) { return in.open(folder, unit.divisor) }
	}
	return outputs, inputs, errors.Join(errs...)
}

// zone reads a thermal zone, in m°C.
func zone(folder *sysfs.Folder) (sysfs.Measure, error) {
	temp, err := folder.Open("temp")
	if err != nil {
		return nil, err
	}
	return func() (sensors.Measurement, error) {
		v, err := temp.Number()
		return sensors.Value(v / 1000), err
	}, nil
}

// Package w1 reads thermometers on a 1-Wire bus, the DS18B20, DS18S20 and
// DS1822, through the kernel's drivers w1-gpio and w1_therm.
//
// It reads w1_slave rather than the file named temperature: only there can be
// seen whether the checksum was right, and the other bytes of the
// thermometer's memory, by which a value that it only woke up with is told from
// one that it measured.
//
// A reading is one call to the kernel, which has the thermometer convert and
// sleeps meanwhile: 750 ms at 12 bits, less at a lower resolution, and as much
// again for each thermometer before it in the queue that has no supply of its
// own. It cannot be ended from here. A context that has ended begins no
// reading; one that ends during it is noticed by who reads the sensor, who
// goes on without it. The call must remain one that Go's scheduler knows to
// block: a signal to the thread, as it sends to one it takes for busy, would
// end the kernel's sleep and cost the reading.
//
// Resolution and other settings are files of the kernel beside w1_slave, for
// root to write; they are left as they are.
//
// Documentation/w1/slaves/w1_therm.rst and drivers/w1/slaves/w1_therm.c of the
// Linux kernel; Maxim data sheets DS18B20 (19-7487), DS18S20 (19-5474).
package w1

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"sensor-agent/sensors"
	"sensor-agent/sensors/sysfs"
)

type options struct {
	ID string `yaml:"id" help:"the thermometer, as its folder in /sys/bus/w1/devices is called: 28-0316a2795bff; may be left out where there is one only"`
}

// folder has an entry for each device, named by family and serial number.
const folder = "bus/w1/devices"

// takes is a conversion at 12 bits and 150 ms for the wire, on which the kernel
// also looks for new devices now and then.
const takes = 900 * time.Millisecond

// wiring is what to check when the wire is silent.
const wiring = "check its wires, and the resistor of 4.7 kΩ between data and 3.3 V"

var thermometer = regexp.MustCompile(`^(10|22|28)-[0-9a-f]{12}$`)

// Driver returns the driver of 1-Wire thermometers.
func Driver() sensors.Driver { return driver(sysfs.Root()) }

func driver(sys fs.FS) sensors.Driver {
	return sensors.NewDriver(sensors.Driver{
		Name:    "w1",
		Summary: "temperature, on a 1-Wire bus of the kernel: DS18B20, DS18S20, DS1822",

		Discover: discover,
	}, options{}, func(o options) (sensors.Plan, error) { return plan(sys, o) })
}

func plan(sys fs.FS, o options) (sensors.Plan, error) {
	if o.ID != "" && !thermometer.MatchString(o.ID) {
		return sensors.Plan{}, sensors.BadOption("id", "%q is not the id of a thermometer: write one that `ls /sys/%s` shows, 28- (or 10-, 22-) and 12 hexadecimal digits", o.ID, folder)
	}
	return sensors.Plan{
		Outputs: []sensors.Output{sensors.Temperature.Output(limits)},
		Takes:   takes,
		Open: func(context.Context, sensors.Wire) (sensors.Sensor, error) {
			return sysfs.Open(sys, func() (string, error) { return find(sys, o.ID) }, []sysfs.Input{input})
		},
	}, nil
}

// find returns the folder of the thermometer with an id, or with "" that of
// the only one.
func find(sys fs.FS, id string) (string, error) {
	entries, err := sysfs.List(sys, folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var wires int
	var there, strange []string
	for _, entry := range entries {
		switch {
		case thermometer.MatchString(entry):
			there = append(there, entry)
		case strings.HasPrefix(entry, "w1_bus_master"):
			wires++
		default:
			strange = append(strange, entry)
		}
	}
	switch {
	case slices.Contains(there, id):
		return path.Join(folder, id), nil
	case id == "" && len(there) == 1:
		return path.Join(folder, there[0]), nil
	case id == "" && len(there) > 1:
		return "", fmt.Errorf("there are %d thermometers: say which by `id`; there are %s", len(there), strings.Join(there, ", "))
	case len(there) > 0:
		return "", fmt.Errorf("%w: there is no thermometer %s: %s; there is %s", sensors.ErrNotFound, id, wiring, strings.Join(there, ", "))
	case wires == 0:
		return "", fmt.Errorf("%w: the kernel has no 1-Wire bus: write dtoverlay=w1-gpio into /boot/firmware/config.txt, for data on GPIO 4, and restart the Pi", sensors.ErrNotFound)
	case len(strange) > 0: // a wire without its resistor yields some with 00-
		return "", fmt.Errorf("%w: no thermometer answers: %s; what answers is %s", sensors.ErrNotFound, wiring, strings.Join(strange, ", "))
	default:
		return "", fmt.Errorf("%w: no thermometer answers: %s", sensors.ErrNotFound, wiring)
	}
}

// input reads a thermometer.
func input(folder *sysfs.Folder) (sysfs.Measure, error) {
	id, err := folder.Text("name")
	if err != nil {
		return nil, err
	}
	slave, err := folder.Open("w1_slave")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the kernel's driver of thermometers is not loaded: run `sudo modprobe w1_therm`, and see `dmesg` if that fails: %w", err)
	}
	if err != nil {
		return nil, err
	}
	family := id[:min(2, len(id))]
	return func() (sensors.Measurement, error) {
		text, err := slave.Text()
		if err != nil {
			return sensors.Measurement{}, err
		}
		pad, err := parse(text)
		if err != nil {
			return sensors.Measurement{}, err
		}
		return pad.temperature(family), nil
	}, nil
}

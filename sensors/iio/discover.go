package iio

import (
	"io/fs"
	"slices"
	"strings"

	"sensor-agent/sensors"
	"sensor-agent/sensors/sysfs"
)

// discover lists the devices that have a channel with a quantity of its own.
// Motion, and whatever else the kernel measures, is nothing to publish from.
func discover(sys fs.FS) ([]sensors.Source, error) {
	all, err := devices.Devices(sys)
	if err != nil {
		return nil, err
	}
	var sources []sensors.Source
	for _, d := range all {
		files, err := sysfs.List(sys, d.Dir)
		if err != nil {
			continue // it has gone meanwhile
		}
		s := d.Source("device", all)
		var options, keys []string
		for _, name := range channelsAmong(files) {
			c := channel{Channel: name}
			unit, err := c.unit("")
			if err != nil {
				continue
			}
			option := "channel: " + sysfs.Scalar(name)
			if slices.Contains(keys, unit.quantity.Key) {
				option += ", key: " + sysfs.Scalar(name)
			}
			keys = append(keys, unit.quantity.Key)
			options = append(options, "{"+option+"}")
			s.Gives = append(s.Gives, name)
		}
		if len(options) > 0 {
			s.Options += ", channels: [" + strings.Join(options, ", ") + "]"
			sources = append(sources, s)
		}
	}
	return sources, nil
}

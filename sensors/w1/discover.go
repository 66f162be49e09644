package w1

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"sensor-agent/sensors"
	"sensor-agent/sensors/sysfs"
)

// discover lists the thermometers. A bus on which none answers is an error.
func discover(sys fs.FS) ([]sensors.Source, error) {
	entries, err := sysfs.List(sys, folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var sources []sensors.Source
	for _, entry := range entries {
		if thermometer.MatchString(entry) {
			sources = append(sources, sensors.Source{
				Name: entry, Gives: []string{"temp"}, Options: "id: " + strconv.Quote(entry),
			})
		}
	}
	bus := func(entry string) bool { return strings.HasPrefix(entry, "w1_bus_master") }
	if len(sources) == 0 && slices.ContainsFunc(entries, bus) {
		_, err = find(sys, "")
	}
	return sources, err
}

package sysfs

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"

	"sensor-agent/sensors"
)

// plain is a name that YAML takes for itself without quotes, and for nothing
// else.
var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// Scalar writes a name that the kernel gave as a configuration has it.
func Scalar(name string) string {
	if plain.MatchString(name) {
		return name
	}
	return strconv.Quote(name)
}

// Source is that of a device, among all of its class: its options begin with
// the option that holds its name, and say which device is meant where that does
// not.
func (d Device) Source(option string, all []Device) sensors.Source {
	s := sensors.Source{Name: d.Name, At: d.Above, Options: option + ": " + Scalar(d.Name)}
	at := cmp.Or(d.Label, d.Above)
	same := func(other Device) bool { return other.Name == d.Name && other.Dir != d.Dir }
	if at != "" && slices.ContainsFunc(all, same) {
		s.Options += ", at: " + strconv.Quote(at)
	}
	return s
}

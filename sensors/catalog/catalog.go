// Package catalog is the table of all drivers. Adding a driver is one folder
// beside this one and one line here.
package catalog

import (
	"slices"

	"sensor-agent/sensors"
	"sensor-agent/sensors/simulated"
)

// Drivers returns every driver, in the order documentation shows them. Names
// are unique.
func Drivers() []sensors.Driver {
	return slices.Concat(
		one(simulated.Driver()),
	)
}

func one(d sensors.Driver) []sensors.Driver { return []sensors.Driver{d} }

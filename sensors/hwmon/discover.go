package hwmon

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"sensor-agent/sensors"
	"sensor-agent/sensors/sysfs"
)

// onI2C is the name of a device on an I2C bus; all others are of the machine.
var onI2C = regexp.MustCompile(`^[0-9]+-[0-9a-f]{4}$`)

// discover lists the thermal zones and the chips that have inputs. The kernel
// shows a thermal zone as a chip as well, and so a thermometer on 1-Wire, which
// the driver w1 reads.
func discover(sys fs.FS) ([]sensors.Source, error) {
	all, err := zones.Devices(sys)
	if err != nil {
		return nil, err
	}
	var sources []sensors.Source
	for _, d := range all {
		s := d.Source("zone", nil) // the option `at` is not for zones
		s.Gives, s.Own = []string{"temp"}, true
		same := func(other sensors.Source) bool { return other.Name == s.Name }
		if !slices.ContainsFunc(sources, same) {
			sources = append(sources, s)
		}
	}
	all, err = chips.Devices(sys)
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		if strings.HasPrefix(d.Above, zones.Prefix) || d.Name == "w1_slave_temp" {
			continue
		}
		files, err := sysfs.List(sys, d.Dir)
		if err != nil {
			continue // it has gone meanwhile
		}
		s := d.Source("chip", all)
		s.Own = !onI2C.MatchString(d.Above)
		if list := inputsAmong(files); len(list) > 0 {
			var options []string
			for _, in := range list {
				options = append(options, in.option())
				s.Gives = append(s.Gives, in.Input)
			}
			s.Options += ", inputs: [" + strings.Join(options, ", ") + "]"
			sources = append(sources, s)
		}
	}
	return sources, nil
}

// inputsAmong returns the inputs that a chip has by the names of its files; the
// second of a quantity and all further ones get their names for keys.
func inputsAmong(files []string) []input {
	var list []input
	var keys []string
	for _, file := range files {
		parts := inputFile.FindStringSubmatch(file)
		if parts == nil {
			continue
		}
		u, known := units[parts[2]]
		if !known {
			continue
		}
		in := input{Input: parts[1]}
		if slices.Contains(keys, u.quantity.Key) {
			in.Key = in.Input
		}
		keys = append(keys, u.quantity.Key)
		list = append(list, in)
	}
	return list
}

// option is the input as a configuration has it.
func (in input) option() string {
	if in.Key == "" {
		return "{input: " + in.Input + "}"
	}
	return "{input: " + in.Input + ", key: " + in.Key + "}"
}

package hwmon

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"sensor-agent/sensors"
	"sensor-agent/sensors/sysfs"
)

// An input is one of a chip's, by its number or by its label.
type input struct {
	Input string `yaml:"input" help:"temp1, in0, curr1, power1, humidity1, fan1, as in the name of its file temp1_input; with label the kind alone: temp"`
	Label string `yaml:"label" help:"which input of its kind, by what the file ending in _label says"`
	Key   string `yaml:"key" help:"JSON key (default: the quantity's)"`
}

// A unit is how the values of a kind of input become those of a quantity.
type unit struct {
	quantity sensors.Quantity
	divisor  float64 // from the kernel's unit
}

var units = map[string]unit{
	"temp":     {sensors.Temperature, 1e3}, // m°C
	"in":       {sensors.Voltage, 1e3},     // mV
	"curr":     {sensors.Current, 1e3},     // mA
	"power":    {sensors.Power, 1e6},       // µW
	"humidity": {sensors.Humidity, 1e3},    // m%
	"fan":      {sensors.Number, 1},        // turns a minute
}

var (
	inputName = regexp.MustCompile(`^([a-z]+)([0-9]*)$`)
	inputFile = regexp.MustCompile(`^(([a-z]+)[0-9]+)_input$`)
)

const faulty = "the chip reports a fault of this input: is what it measures with connected?"

// unit checks in, which is the option at, and chooses its unit.
func (in input) unit(at string) (unit, error) {
	parts := inputName.FindStringSubmatch(in.Input)
	if parts == nil {
		return unit{}, sensors.BadOption(at+".input", "%q is not the name of an input: write temp1 for the file temp1_input", in.Input)
	}
	u, known := units[parts[1]]
	switch {
	case !known:
		return unit{}, sensors.BadOption(at+".input", "there is no kind of input %q: choose temp, in, curr, power, humidity or fan, with a number", parts[1])
	case parts[2] == "" && in.Label == "":
		return unit{}, sensors.BadOption(at+".input", "which %s is not said: write %s1, or its `label`", in.Input, in.Input)
	case parts[2] != "" && in.Label != "":
		return unit{}, sensors.BadOption(at+".label", "the input is named by its number already: leave `label` out, or write %s for %s", parts[1], in.Input)
	}
	return u, nil
}

// open opens the input in the folder of its chip. A chip that can tell that a
// thermistor is torn off or a fan stuck says so in a file beside the value,
// which then means nothing (sysfs-interface.rst, "Alarms").
func (in input) open(folder *sysfs.Folder, divisor float64) (sysfs.Measure, error) {
	name, err := in.find(folder)
	if err != nil {
		return nil, err
	}
	value, err := folder.Open(name + "_input")
	if err != nil {
		return nil, err
	}
	fault, err := folder.OpenIfThere(name + "_fault")
	if err != nil {
		return nil, err
	}
	return func() (sensors.Measurement, error) {
		if fault != nil {
			if set, err := fault.Number(); err != nil {
				return sensors.Measurement{}, err
			} else if set != 0 {
				return sensors.NoValue(faulty), nil
			}
		}
		v, err := value.Number()
		return sensors.Value(v / divisor), err
	}, nil
}

// find returns the input's name with its number.
func (in input) find(folder *sysfs.Folder) (string, error) {
	files, err := folder.Names()
	if err != nil {
		return "", err
	}
	var meant, all []string
	for _, file := range files {
		parts := inputFile.FindStringSubmatch(file)
		if parts == nil {
			continue
		}
		name, kind := parts[1], parts[2]
		label, err := folder.Text(name + "_label")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if name == in.Input || kind == in.Input && label == in.Label {
			meant = append(meant, name)
		}
		if label != "" {
			name += " (label " + label + ")"
		}
		all = append(all, name)
	}
	switch {
	case len(meant) == 1:
		return meant[0], nil
	case len(meant) > 1:
		return "", fmt.Errorf("the label %s is that of %s: write the one that is meant", in.Label, strings.Join(meant, " and "))
	case in.Label != "":
		return "", fmt.Errorf("the chip has no input %s with the label %s: it has %s", in.Input, in.Label, cmp.Or(strings.Join(all, ", "), "none"))
	default:
		return "", fmt.Errorf("the chip has no input %s: it has %s", in.Input, cmp.Or(strings.Join(all, ", "), "none"))
	}
}

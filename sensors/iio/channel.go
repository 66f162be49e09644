package iio

import (
	"regexp"
	"strings"
	"time"

	"sensor-agent/sensors"
)

type channel struct {
	Channel  string `yaml:"channel" help:"name of the channel, which is between in_ and _raw or _input in the names of its files: temp, voltage0"`
	Quantity string `yaml:"quantity" help:"default: by the kind of channel; number for the kernel's value in the kernel's unit"`
	Key      string `yaml:"key" help:"JSON key (default: the quantity's)"`
}

// A unit is how the values of a channel become those of a quantity.
type unit struct {
	quantity sensors.Quantity
	factor   float64       // from the kernel's unit
	takes    time.Duration // to read it
}

const (
	// usual is longer than most chips take. A BME680 takes 0.2 s, as the
	// kernel heats its plate for each channel.
	usual = 100 * time.Millisecond
	// slow is for the sensors of CO2, which measure every five seconds at
	// most and have whoever reads them wait for that.
	slow = 5500 * time.Millisecond
)

// units are the kinds of channel that have a quantity, with the unit of the ABI.
var units = map[string]unit{
	"temp":              {sensors.Temperature, 1e-3, usual}, // m°C
	"pressure":          {sensors.Pressure, 10, usual},      // kPa
	"humidityrelative":  {sensors.Humidity, 1e-3, usual},    // m%
	"illuminance":       {sensors.Illuminance, 1, usual},    // lx
	"voltage":           {sensors.Voltage, 1e-3, usual},     // mV
	"current":           {sensors.Current, 1e-3, usual},     // mA
	"power":             {sensors.Power, 1e-3, usual},       // mW
	"resistance":        {sensors.GasResistance, 1, usual},  // Ω
	"concentration_co2": {sensors.CO2, 1e4, slow},           // %
}

// A channel has a kind, perhaps a number, or two of a differential channel, and
// perhaps a modifier: temp, voltage0, voltage0-voltage1, concentration_co2.
var channelName = regexp.MustCompile(`^[a-z]+[0-9]*(-[a-z]+[0-9]+)?(_[a-z0-9_]+)?$`)

// unit checks c, which is the option at, and chooses its unit.
func (c channel) unit(at string) (unit, error) {
	if !channelName.MatchString(c.Channel) || strings.HasPrefix(c.Channel, "in_") {
		return unit{}, sensors.BadOption(at+".channel", "%q is not the name of a channel: write temp for the files in_temp_raw or in_temp_input", c.Channel)
	}
	kind, modifier := split(c.Channel)
	u, known := units[kind]
	if kind == "concentration" {
		u, known = units[kind+modifier]
	}
	switch {
	case c.Quantity == sensors.Number.Name:
		return unit{sensors.Number, 1, max(u.takes, usual)}, nil
	case !known:
		return unit{}, sensors.BadOption(at+".quantity", "a channel %s has no quantity of its own: write `quantity: number` for the kernel's value in the kernel's unit", c.Channel)
	case c.Quantity != "" && c.Quantity != u.quantity.Name:
		return unit{}, sensors.BadOption(at+".quantity", "a channel %s gives %s, not %s: leave `quantity` out, or write number for the kernel's value in the kernel's unit",
			c.Channel, u.quantity.Name, c.Quantity)
	}
	return u, nil
}

// split returns the kind of a channel and its modifier with the underscore:
// "concentration" and "_co2" of concentration2_co2. The kind of a differential
// channel is that of its first half.
func split(name string) (kind, modifier string) {
	end := strings.IndexFunc(name, func(r rune) bool { return r < 'a' || r > 'z' })
	if end < 0 {
		return name, ""
	}
	if i := strings.IndexByte(name, '_'); i >= 0 {
		modifier = name[i:]
	}
	return name[:end], modifier
}

// attributes returns the names that an attribute of a channel may have: its
// own, or one that it shares with the channels of its kind, with all that are
// inputs, or with all (__iio_device_attr_init in
// drivers/iio/industrialio-core.c).
func attributes(name, attribute string) []string {
	kind, modifier := split(name)
	if strings.Contains(name, "-") {
		kind += "-" + kind
	}
	return []string{
		"in_" + name + "_" + attribute,
		"in_" + kind + modifier + "_" + attribute,
		"in_" + kind + "_" + attribute,
		"in_" + attribute,
		attribute,
	}
}

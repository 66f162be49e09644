package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"gopkg.in/yaml.v3"

	"sensor-agent/sensors"
)

const maxSensors = 256

// sensors decodes the sensors. The list has one for each node, so that an
// index into it is one into the file, even of a sensor that has errors.
func (d *decoder) sensors(nodes []*yaml.Node, drivers []sensors.Driver) []*Sensor {
	if len(nodes) == 0 {
		d.fail("sensors", "there are no sensors", "write at least\n"+example)
		return nil
	}
	if len(nodes) > maxSensors {
		d.fail("sensors", fmt.Sprintf("there are more than %d sensors", maxSensors), "split them over several agents")
		return nil
	}
	list := make([]*Sensor, len(nodes))
	for i, n := range nodes {
		list[i] = &Sensor{}
		if n != nil {
			d.sensor(n, fmt.Sprintf("sensors[%d]", i), list[i], drivers)
		}
	}
	return list
}

// sensor decodes one sensor with the options of its driver, which are keys
// beside its own.
func (d *decoder) sensor(n *yaml.Node, path string, s *Sensor, drivers []sensors.Driver) {
	driver, ok := d.driver(n, path, drivers)
	if !ok {
		d.common(n, path, s)
		return
	}
	before := d.fails
	plan, err := driver.Configure(func(options any) error {
		d.mapping(n, path, s, options)
		if d.fails > before {
			return errors.New("the errors are in the report")
		}
		return nil
	})
	if s.Name == "" {
		s.Name = driver.Name
	}
	checkName(d.report, path+".name", s.Name)
	d.wire(path, s, driver)
	if d.fails > before {
		return
	}
	if err != nil {
		d.optionErrors(path, err)
		return
	}
	s.Plan, s.Written = plan, d.written(n)
	if d.condition(path, s) {
		s.Fields = d.fields(path, s)
	}
}

// common decodes the keys that every sensor has, for one whose driver, and so
// whose other keys, are unknown.
func (d *decoder) common(n *yaml.Node, path string, s *Sensor) {
	if n.Kind != yaml.MappingNode {
		return
	}
	known, _ := fieldsOf(s)
	some := *n
	some.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		if _, ok := known[n.Content[i].Value]; ok && n.Content[i].Value != "driver" {
			some.Content = append(some.Content, n.Content[i], n.Content[i+1])
		}
	}
	d.mapping(&some, path, s)
}

// driver finds the driver that a sensor names.
func (d *decoder) driver(n *yaml.Node, path string, drivers []sensors.Driver) (driver sensors.Driver, ok bool) {
	if !d.is(n, path, yaml.MappingNode) {
		return driver, false
	}
	before := d.fails
	var name, slip string
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch key := n.Content[i].Value; {
		case key == "driver":
			d.places[path+".driver"] = d.place(n.Content[i+1])
			d.value(n.Content[i+1], path+".driver", reflect.ValueOf(&name).Elem())
		default:
			if _, near := nearest(key, []string{"driver"}); near {
				slip = key
			}
		}
	}
	names := make([]string, len(drivers))
	for i, driver := range drivers {
		if driver.Name == name {
			return driver, true
		}
		names[i] = driver.Name
	}
	const all = "`sensor-agent drivers` lists them"
	near, found := nearest(name, names)
	switch {
	case d.fails > before: // told
	case name == "" && slip != "":
		d.fail(path, "the sensor has no driver", fmt.Sprintf("write driver instead of %s", slip))
	case name == "":
		d.fail(path, "the sensor has no driver", "write driver: NAME; "+all)
	case found:
		d.fail(path+".driver", "there is no driver "+quote(name), fmt.Sprintf("did you mean %q? %s", near, all))
	default:
		d.fail(path+".driver", "there is no driver "+quote(name), all)
	}
	return driver, false
}

// optionErrors records what a driver finds wrong with its options.
func (d *decoder) optionErrors(path string, err error) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range several.Unwrap() {
			d.optionErrors(path, err)
		}
		return
	}
	if bad, ok := errors.AsType[*sensors.OptionError](err); ok {
		d.failWith(path+"."+bad.Option, bad.Err)
		return
	}
	d.failWith(path, err)
}

// checkSensors refuses two sensors with one name, or at one place on a bus.
func (c *Config) checkSensors(r *report) {
	names := make(map[string]int)
	type spot struct {
		kind    sensors.Bus
		bus     string
		address uint16
	}
	spots := make(map[spot]*Sensor)
	for i, s := range c.Sensors {
		if s.Name == "" {
			continue // it has no driver, which was told
		}
		path := fmt.Sprintf("sensors[%d]", i)
		if j, taken := names[s.Name]; taken {
			r.fail(path+".name", fmt.Sprintf("the sensor sensors[%d] is called %s too", j, quote(s.Name)), "give each its own name")
		}
		names[s.Name] = i
		if s.Kind == sensors.NoBus {
			continue
		}
		at := spot{s.Kind, s.Bus, s.Address}
		if other, taken := spots[at]; taken {
			if s.Kind == sensors.I2C {
				r.fail(path, fmt.Sprintf("the sensor %s is at %#02x on I2C bus %s already", quote(other.Name), s.Address, s.Bus),
					"give one chip another address by its address pin and write that, or put it on another bus")
			} else {
				r.fail(path, fmt.Sprintf("the sensor %s is on SPI bus %s already", quote(other.Name), s.Bus),
					"name all its channels in one sensor, or write the bus and chip select of the second chip")
			}
		}
		spots[at] = s
	}
}

// pathOf returns the key path of a sensor.
func (c *Config) pathOf(s *Sensor) string {
	return fmt.Sprintf("sensors[%d]", slices.Index(c.Sensors, s))
}

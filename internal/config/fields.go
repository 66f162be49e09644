package config

import (
	"fmt"
	"maps"
	"slices"

	"sensor-agent/sensors"
)

const maxDecimals = 9

// reservedKeys are what a message says beside its readings.
var reservedKeys = []string{"timestamp", "device", "epoch", "seq", "clock", "replay", "quality"}

// fields makes the fields of a sensor of its plan, its keys and its decimals.
func (d *decoder) fields(path string, s *Sensor) []Field {
	if len(s.Plan.Outputs) == 0 {
		d.fail(path, "with these options the sensor measures nothing", "")
	}
	outputs := s.Plan.Outputs
	fields := make([]Field, len(outputs))
	for i, o := range outputs {
		fields[i] = Field{Key: o.Key, Quantity: o.Quantity, Decimals: o.Quantity.Decimals}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Keys)) {
		if i := d.output(path+".keys", key, outputs, s.Keys); i >= 0 {
			fields[i].Key = s.Keys[key]
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Decimals)) {
		i := d.output(path+".decimals", key, outputs, s.Keys)
		switch n := s.Decimals[key]; {
		case i < 0:
		case n < 0 || n > maxDecimals:
			d.fail(join(path+".decimals", key), fmt.Sprintf("%d decimals cannot be", n), fmt.Sprintf("write 0 to %d", maxDecimals))
		default:
			fields[i].Decimals = n
		}
	}
	d.checkKeys(path, outputs, fields)
	return fields
}

// output finds the output that an entry of keys, decimals or adjust is about:
// all name it as the driver does. renamed are the keys that have others in
// messages.
func (d *decoder) output(path, key string, outputs []sensors.Output, renamed map[string]string) int {
	var known []string
	for i, o := range outputs {
		if o.Key == key {
			return i
		}
		known = append(known, o.Key)
	}
	hint := suggest(key, known, "it gives")
	if i := slices.IndexFunc(known, func(k string) bool { return renamed[k] == key }); i >= 0 {
		hint = fmt.Sprintf("write %s, the name before renaming", known[i])
	}
	d.fail(join(path, key), "the sensor gives no "+quote(key), hint)
	return -1
}

// checkKeys refuses JSON keys that are awkward, taken or used twice.
func (d *decoder) checkKeys(path string, outputs []sensors.Output, fields []Field) {
	first := make(map[string]string)
	for i, f := range fields {
		at := join(path+".keys", outputs[i].Key)
		switch {
		case !plainName(f.Key):
			d.fail(at, quote(f.Key)+" cannot be a JSON key here", fmt.Sprintf("use 1 to %d letters, digits, - and _", maxName))
		case slices.Contains(reservedKeys, f.Key):
			d.fail(at, "every message uses the key "+quote(f.Key)+" itself", "choose another than "+list(reservedKeys))
		}
		if other, twice := first[f.Key]; twice {
			d.fail(at, fmt.Sprintf("the sensor writes the JSON key %s twice, for %s and for %s", quote(f.Key), other, outputs[i].Key),
				"give each its own key")
		}
		first[f.Key] = outputs[i].Key
	}
}

package command

import (
	"encoding/json"
	"fmt"

	"sensor-agent/sensors"
)

// parse takes the measurements from a line, in the order of their keys: an
// object that has them, or a bare number if there is one key only. A key that
// is missing, null or no number leaves its measurement without a value; other
// keys do not matter.
func parse(line []byte, keys []string, reading sensors.Reading) error {
	var object map[string]json.RawMessage
	err := json.Unmarshal(line, &object)
	switch {
	case err == nil && object != nil:
	case !json.Valid(line):
		return fmt.Errorf("the program printed %.60q, which is not JSON: %w; keys want double quotes, and what could not be measured is null, not NaN", line, err)
	case len(keys) == 1:
		reading[0] = measurement(line)
		return nil
	default:
		return fmt.Errorf(`the program printed %.60q, where an object is wanted: {"%s": 1.5, "%s": 20}`, line, keys[0], keys[1])
	}
	for i, key := range keys {
		if raw, ok := object[key]; ok {
			reading[i] = measurement(raw)
		} else {
			reading[i] = sensors.NoValue(fmt.Sprintf("the program printed no %q", key))
		}
	}
	return nil
}

// measurement takes one from what JSON says of it.
func measurement(raw json.RawMessage) sensors.Measurement {
	var v *float64
	switch err := json.Unmarshal(raw, &v); {
	case err != nil:
		return sensors.NoValue(fmt.Sprintf("the program printed %.60q for it, which is not a number", raw))
	case v == nil:
		return sensors.NoValue("the program printed null for it")
	}
	return sensors.Value(*v)
}

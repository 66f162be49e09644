package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// variablePrefix starts the name of each environment variable that sets a key.
const variablePrefix = "SENSOR_AGENT_"

// variable returns the environment variable that sets the key at path:
// SENSOR_AGENT_MQTT_CLIENT_ID for mqtt.client_id. Keys inside lists have none.
func variable(path string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// override sets the keys for which a flag or, failing that, the environment
// has a value.
func (r *report) override(c *Config, env Environment) {
	known := r.overrideFields(reflect.ValueOf(c), "", env)
	for _, path := range slices.Sorted(maps.Keys(env.Overrides)) {
		if !slices.Contains(known, path) {
			r.failAt(place{where: "command line"}, path, "unknown key", suggest(path, known, "known:"))
		}
	}
}

// overrideFields overrides the fields of a struct and of those within, and
// returns their paths.
func (r *report) overrideFields(structure reflect.Value, prefix string, env Environment) (paths []string) {
	fields, names := fieldsOf(structure.Interface())
	for _, name := range names {
		path, v := join(prefix, name), fields[name]
		if v.Kind() == reflect.Struct && !isScalar(v.Type()) {
			paths = append(paths, r.overrideFields(v.Addr(), path, env)...)
			continue
		}
		paths = append(paths, path)
		at := "command line"
		text, ok := env.Overrides[path]
		if !ok {
			at = variable(path)
			text, ok = env.lookup(at)
		}
		if !ok {
			continue
		}
		r.places[path] = place{where: at}
		if err := setTexts(v, text); err != nil {
			r.failWith(path, err)
		}
	}
	return paths
}

// setTexts is setText for a value or a list of them, separated by commas.
func setTexts(v reflect.Value, text string) error {
	if isScalar(v.Type()) {
		return setText(v, text)
	}
	entries := strings.Split(text, ",")
	fresh := reflect.MakeSlice(v.Type(), len(entries), len(entries))
	for i, entry := range entries {
		if err := setText(fresh.Index(i), strings.TrimSpace(entry)); err != nil {
			return err
		}
	}
	v.Set(fresh)
	return nil
}

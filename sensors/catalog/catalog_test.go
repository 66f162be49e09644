package catalog

import (
	"reflect"
	"strings"
	"testing"

	"sensor-agent/sensors"
)

func TestDriversAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range Drivers() {
		if seen[d.Name] {
			t.Errorf("%s: twice", d.Name)
		}
		seen[d.Name] = true
		if d.Name != strings.ToLower(d.Name) || d.Summary == "" {
			t.Errorf("%q: name or summary", d.Name)
		}
		if (d.Bus == sensors.I2C) != (len(d.Addresses) > 0) {
			t.Errorf("%s: bus %q with addresses %v", d.Name, d.Bus, d.Addresses)
		}
		checkTags(t, d.Name, reflect.TypeOf(d.Options()))
		p, err := d.Configure(func(any) error { return nil })
		if err != nil {
			continue // it must be told what to give
		}
		if len(p.Outputs) == 0 || p.Open == nil || p.Takes <= 0 {
			t.Errorf("%s: plan %+v", d.Name, p)
		}
		keys := map[string]bool{}
		for _, o := range p.Outputs {
			if keys[o.Key] || o.Key == "" {
				t.Errorf("%s: key %q", d.Name, o.Key)
			}
			keys[o.Key] = true
		}
	}
	if len(seen) < 18 {
		t.Errorf("%d drivers", len(seen))
	}
}

// Every option is named and explained.
func checkTags(t *testing.T, name string, options reflect.Type) {
	t.Helper()
	for options.Kind() == reflect.Pointer || options.Kind() == reflect.Slice {
		options = options.Elem()
	}
	if options.Kind() != reflect.Struct {
		return
	}
	for i := range options.NumField() {
		f := options.Field(i)
		if f.Tag.Get("yaml") == "" || f.Tag.Get("help") == "" {
			t.Errorf("%s: option %s has no name or no help", name, f.Name)
		}
		checkTags(t, name, f.Type)
	}
}

package main

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/sensors"
	"sensor-agent/sensors/catalog"
)

// channelOptions are the options of each entry of a converter's channels. They
// have a section of their own.
func channelOptions(t *testing.T) map[string]reflect.Value {
	t.Helper()
	for _, d := range catalog.Drivers() {
		channels := reflect.ValueOf(d.Options()).FieldByName("Channels")
		if channels.IsValid() {
			entry, _ := structBelow(channels.Type())
			return optionsOf(reflect.Zero(entry))
		}
	}
	t.Fatal("no driver has channels")
	return nil
}

// optionsOf returns the options in a struct, and in those within, by name.
func optionsOf(v reflect.Value) map[string]reflect.Value {
	options := map[string]reflect.Value{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		options[field.Tag.Get("yaml")] = v.Field(i)
		if below, ok := structBelow(field.Type); ok {
			maps.Copy(options, optionsOf(reflect.Zero(below)))
		}
	}
	return options
}

// explained returns the rows of a section's tables of options, by name.
func explained(section string) map[string]string {
	rows := map[string]string{}
	for _, table := range regexp.MustCompile(`(?m)^\| option .*\n(?:\|.*\n)+`).FindAllString(section, -1) {
		for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` .*$").FindAllStringSubmatch(table, -1) {
			rows[row[1]] = row[0]
		}
	}
	return rows
}

func TestDriversAreDocumented(t *testing.T) {
	sections := sectionsOf(readPage(t, "docs/drivers.md"))
	drivers := map[string][]sensors.Driver{} // by the section that has them
	for _, d := range catalog.Drivers() {
		found := false
		for title := range sections {
			if strings.Contains(title, "`"+d.Name+"`") {
				drivers[title] = append(drivers[title], d)
				found = true
			}
		}
		if !found {
			t.Errorf("docs/drivers.md: no heading has `%s`", d.Name)
		}
	}
	channels := channelOptions(t)
	for title, family := range drivers {
		rows := explained(sections[title])
		var names []string
		for _, d := range family {
			if len(d.Addresses) > 0 && !strings.Contains(sections[title], fmt.Sprintf("%#02x", d.Addresses[0])) {
				t.Errorf("docs/drivers.md: %s does not say that %s is usually at %#02x", title, d.Name, d.Addresses[0])
			}
			for name, value := range optionsOf(reflect.ValueOf(d.Options())) {
				if _, elsewhere := channels[name]; elsewhere {
					continue
				}
				names = append(names, name)
				if !value.IsZero() && value.Kind() != reflect.Slice && !strings.Contains(rows[name], fmt.Sprint(value)) {
					t.Errorf("docs/drivers.md: %s: the default of `%s` is %v with %s, but its row is %q", title, name, value, d.Name, rows[name])
				}
			}
		}
		slices.Sort(names)
		if diff := cmp.Diff(slices.Compact(names), slices.Sorted(maps.Keys(rows))); diff != "" {
			t.Errorf("docs/drivers.md: %s: options (-code +page)\n%s", title, diff)
		}
	}
}

func TestChannelsAreDocumented(t *testing.T) {
	want := slices.Sorted(maps.Keys(channelOptions(t)))
	got := slices.Sorted(maps.Keys(explained(sectionsOf(readPage(t, "docs/drivers.md"))["Channels"])))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/drivers.md: options of a channel (-code +page)\n%s", diff)
	}
}

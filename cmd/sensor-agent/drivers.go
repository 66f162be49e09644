package main

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"strings"

	"sensor-agent/sensors"
	"sensor-agent/sensors/catalog"
)

func driversCommand() *subcommand {
	return &subcommand{
		name:    "drivers",
		args:    "[NAME]",
		summary: "lists the drivers with their options and defaults",
		help: `In place of an I2C or SPI bus any of them can have a recording of one:
bus: "replay:air.rec". See sensor-agent help record.`,
		run: func(_ context.Context, e *env, args []string) error {
			f := e.flags()
			if err := e.parse(f, args, 1); err != nil {
				return err
			}
			found := false
			for _, d := range catalog.Drivers() {
				if name := f.Arg(0); name == "" || name == d.Name {
					describeDriver(e.stdout, d)
					found = true
				}
			}
			if !found {
				return usageError("there is no driver %q: `sensor-agent drivers` lists all", f.Arg(0))
			}
			return nil
		},
	}
}

func describeDriver(w io.Writer, d sensors.Driver) {
	fmt.Fprintf(w, "%s: %s\n", d.Name, d.Summary)
	switch d.Bus {
	case sensors.I2C:
		var addresses []string
		for _, a := range d.Addresses {
			addresses = append(addresses, fmt.Sprintf("%#02x", a))
		}
		fmt.Fprintf(w, "    bus: I2C (default \"1\"), address %s\n", strings.Join(addresses, ", "))
	case sensors.SPI:
		fmt.Fprintf(w, "    bus: SPI (default \"0.0\")\n")
	}
	// Some drivers give what their options ask for and nothing without.
	if p, err := d.Configure(func(any) error { return nil }); err == nil {
		var outputs []string
		for _, o := range p.Outputs {
			outputs = append(outputs, strings.TrimSpace(o.Key+" "+o.Quantity.Unit))
		}
		fmt.Fprintf(w, "    gives: %s\n", strings.Join(outputs, ", "))
	}
	describeOptions(w, reflect.ValueOf(d.Options()), "    ")
	fmt.Fprintln(w)
}

// describeOptions lists the fields of an options struct by their tags, and
// below each those of the struct it holds.
func describeOptions(w io.Writer, v reflect.Value, indent string) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		fmt.Fprintf(w, "%s%s: %s", indent, name, field.Tag.Get("help"))
		if value := v.Field(i); !value.IsZero() && value.Kind() != reflect.Slice && value.Kind() != reflect.Struct {
			fmt.Fprintf(w, " (default %v)", value.Interface())
		}
		fmt.Fprintln(w)
		if nested, ok := structBelow(field.Type); ok {
			describeOptions(w, reflect.Zero(nested), indent+"    ")
		}
	}
}

// structBelow returns the struct that a field of type t holds, directly, by
// pointer or in a list.
func structBelow(t reflect.Type) (reflect.Type, bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t, t.Kind() == reflect.Struct
}

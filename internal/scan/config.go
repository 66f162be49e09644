package scan

import (
	"fmt"
	"io"
	"strings"

	"sensor-agent/internal/config"
	"sensor-agent/sensors"
)

// An entry is one sensor of the configuration.
type entry struct {
	name    string
	rest    string // what stands behind the name
	comment string // what makes it one that is used; "" if it is already
	remark  string // what is to be done about it in any case
}

func (e entry) String() string { return fmt.Sprintf("- {name: %s, %s}", e.name, e.rest) }

// configuration writes the sensors found: those that are certain enough, and
// then as comments those that are not, or that nobody may want.
func (d Device) configuration(r Report) string {
	var text strings.Builder
	names, keys := map[string]bool{}, map[string]bool{}
	entries := d.entries(r)
	for _, commented := range []bool{false, true} {
		for _, e := range entries {
			if commented == (e.comment != "") && d.settle(&e, names, keys) {
				e.write(&text)
			}
		}
	}
	if text.Len() == 0 {
		return ""
	}
	return "sensors:\n" + text.String()
}

// settle gives an entry a name of its own, and puts that behind each of its
// JSON keys that another sensor has. It reports whether the entry is one that
// the configuration takes, as a device with a strange name may not be.
func (d Device) settle(e *entry, names, keys map[string]bool) bool {
	e.name = unused(names, e.name)
	c, err := config.Parse("scan", []byte("sensors:\n  "+e.String()+"\n"), config.Environment{Hostname: "scan", Drivers: d.Drivers})
	if err != nil {
		return false
	}
	var renamed []string
	for _, f := range c.Sensors[0].Fields {
		if keys[f.Key] {
			renamed = append(renamed, f.Key+": "+f.Key+"_"+e.name)
		}
		keys[f.Key] = true
	}
	if renamed != nil {
		e.rest += ", keys: {" + strings.Join(renamed, ", ") + "}"
	}
	return true
}

func (e entry) write(w io.Writer) {
	switch {
	case e.comment != "":
		fmt.Fprintf(w, "  # %s:\n  # %v\n", e.comment, e)
	case e.remark != "":
		fmt.Fprintf(w, "  # %s:\n  %v\n", e.remark, e)
	default:
		fmt.Fprintf(w, "  %v\n", e)
	}
}

// entries lists the sensors that the report has, with the names of their chips
// or of their drivers.
func (d Device) entries(r Report) []entry {
	var entries []entry
	for _, b := range r.I2C {
		for _, c := range b.Chips {
			if c.Driver == "" || c.Kernel != "" { // what the kernel has follows below
				continue
			}
			e := entry{name: c.Driver, rest: fmt.Sprintf("driver: %s, bus: %q, address: %v", c.Driver, b.Name, c.Address)}
			if example := d.example(c.Driver); example != "" {
				e.rest += ", " + example
				e.remark = "list what is wired to its inputs: `sensor-agent drivers " + c.Driver + "` tells how"
			}
			if c.Certainty == sensors.Perhaps {
				e.comment = fmt.Sprintf("take the # away if it is a %s that answers at %v", c.Name, c.Address)
			}
			entries = append(entries, e)
		}
	}
	for _, s := range r.Kernel {
		e := entry{name: nameOf(s), rest: "driver: " + s.Driver + ", " + s.Options}
		if s.Own {
			e.comment = "take the # away to have the machine's own " + strings.Join(s.Gives, ", ") + " as well"
		}
		entries = append(entries, e)
	}
	for _, p := range r.SPI {
		const usual = "mcp3008"
		entries = append(entries, entry{
			name: usual, rest: fmt.Sprintf("driver: %s, bus: %q, %s", usual, p.Bus, d.example(usual)),
			comment: "take the # away if a converter is wired to SPI " + p.Bus + ", and write its driver and its inputs",
		})
	}
	return entries
}

// example returns the options that a driver cannot do without.
func (d Device) example(driver string) string {
	for _, known := range d.Drivers {
		if known.Name == driver {
			return known.Example
		}
	}
	return ""
}

// nameOf makes a name for a sensor of what the kernel calls it, unless that is
// a number.
func nameOf(s Source) string {
	if s.Name == "" || s.Name[0] >= '0' && s.Name[0] <= '9' {
		return s.Driver
	}
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' {
			return c
		}
		return '_'
	}, s.Name)
}

// unused returns name, with a number if it is taken, and takes it.
func unused(taken map[string]bool, name string) string {
	free := name
	for n := 2; taken[free]; n++ {
		free = fmt.Sprintf("%s_%d", name, n)
	}
	taken[free] = true
	return free
}

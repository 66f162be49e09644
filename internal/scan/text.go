package scan

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"sensor-agent/sensors"
)

// Write writes the report for a person. All of it is a configuration: what was
// found stands in comments above the sensors.
func (r Report) Write(w io.Writer) error {
	var table, text bytes.Buffer
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	if len(r.I2C) == 0 {
		fmt.Fprintln(t, "no I2C bus")
	}
	for _, b := range r.I2C {
		b.write(t)
	}
	for _, p := range r.SPI {
		fmt.Fprintf(t, "SPI %s: %s\n", p.Bus, describe(p.Err, "what is wired to it cannot be told"))
	}
	if len(r.Kernel) > 0 {
		fmt.Fprintln(t, "the kernel measures")
	}
	for _, s := range r.Kernel {
		fmt.Fprintf(t, "  %s\t%s\tdriver %s\n", s.label(), strings.Join(s.Gives, ", "), s.Driver)
	}
	for i, advice := range r.Advice {
		if i == 0 {
			fmt.Fprintln(t, "what to do")
		}
		fmt.Fprintf(t, "  - %s\n", advice)
	}
	_ = t.Flush() // into a buffer
	for line := range strings.Lines(table.String()) {
		text.WriteString(strings.TrimRight("# "+line, " \n") + "\n")
	}
	if r.Config != "" {
		text.WriteString("\n" + r.Config)
	}
	_, err := w.Write(text.Bytes())
	return err
}

func (b Bus) write(w io.Writer) {
	title := "I2C bus " + b.Name
	if b.Adapter != "" {
		title += " (" + b.Adapter + ")"
	}
	switch {
	case b.Skipped != "":
		fmt.Fprintf(w, "%s: left out, as %s: `sensor-agent scan --bus %s` looks all the same\n", title, b.Skipped, b.Name)
		return
	case b.Err == nil && len(b.Chips) == 0:
		fmt.Fprintf(w, "%s: nothing answers\n", title)
		return
	case len(b.Chips) == 0:
		fmt.Fprintf(w, "%s: %v\n", title, b.Err)
		return
	}
	fmt.Fprintln(w, title)
	for _, c := range b.Chips {
		c.write(w)
	}
	if b.Err != nil {
		fmt.Fprintf(w, "  not to the end: %v\n", b.Err)
	}
}

func (c Chip) write(w io.Writer) {
	switch {
	case c.Kernel != "" && c.Driver != "":
		fmt.Fprintf(w, "  %v\t%s\tthe kernel's driver %s has it: read it with driver %s\n", c.Address, c.Name, c.Kernel, c.Driver)
	case c.Kernel != "":
		fmt.Fprintf(w, "  %v\t%s\tthe kernel's driver %s has it, and shows nothing that can be read\n", c.Address, c.Name, c.Kernel)
	case c.Driver != "":
		fmt.Fprintf(w, "  %v\t%s\tdriver %s\n", c.Address, c.guess(), c.Driver)
	default:
		fmt.Fprintf(w, "  %v\tunknown\t%s\n", c.Address, cmp.Or(strings.Join(c.Notes, "; "), "no driver here is for a chip at this address"))
	}
}

// guess is the name of the chip, with how certain it is unless it is quite.
func (c Chip) guess() string {
	if c.Certainty == sensors.Surely {
		return c.Name
	}
	return c.Certainty.String() + " " + c.Name
}

// label is what the kernel calls the source, and where it is.
func (s Source) label() string {
	if s.At == "" {
		return s.Name
	}
	return s.Name + " at " + s.At
}

// describe returns the text of err, or otherwise if there is none.
func describe(err error, otherwise string) string {
	if err != nil {
		return err.Error()
	}
	return otherwise
}

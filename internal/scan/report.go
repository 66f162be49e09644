package scan

import (
	"errors"
	"fmt"
	"slices"

	"sensor-agent/sensors"
)

// A Report is what a scan has found. As JSON it is what `sensor-agent scan
// --json` prints.
type Report struct {
	I2C    []Bus    `json:"i2c"`
	SPI    []Port   `json:"spi"`
	Kernel []Source `json:"kernel"`
	Advice []string `json:"advice,omitempty"` // what to do to have more
	// Config is the `sensors` of a configuration, in YAML. What needs a look
	// before it is used is in it as a comment. "" when there is nothing.
	Config string `json:"config,omitempty"`
}

// A Bus is an I2C bus.
type Bus struct {
	Name    string `json:"bus"`               // "1"
	Adapter string `json:"adapter,omitempty"` // as the kernel calls its hardware
	Skipped string `json:"skipped,omitempty"` // why nothing was looked for
	Err     error  `json:"error,omitempty"`   // why it was not, or not to the end
	Chips   []Chip `json:"chips,omitempty"`   // in the order of their addresses
}

// A Chip is what answers at an address.
type Chip struct {
	Address   Address           `json:"address"`
	Name      string            `json:"chip,omitempty"` // as its maker writes it; "" if it was not recognised
	Certainty sensors.Certainty `json:"certainty,omitempty"`
	Driver    string            `json:"driver,omitempty"` // that reads it
	Kernel    string            `json:"kernel,omitempty"` // the kernel's driver that owns it
	Notes     []string          `json:"notes,omitempty"`  // why it was not recognised
}

// An Address is one of I2C, of 7 bits.
type Address uint16

func (a Address) String() string { return fmt.Sprintf("%#02x", uint16(a)) }

// MarshalText implements [encoding.TextMarshaler].
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// A Port is a chip select of an SPI bus.
type Port struct {
	Bus string `json:"bus"` // "0.0"
	Err error  `json:"error,omitempty"`
}

// A Source is what a driver can read by the kernel.
type Source struct {
	Driver string `json:"driver"`
	sensors.Source
}

// A failure is an error that has a text in JSON.
type failure struct{ error }

func (f failure) MarshalText() ([]byte, error) { return []byte(f.Error()), nil }
func (f failure) Unwrap() error                { return f.error }

// Err returns why the scan was not all it should be: buses that could not be
// used, or that nothing was found for the agent to read.
func (r Report) Err() error {
	var errs []error
	for _, b := range r.I2C {
		if b.Err != nil {
			errs = append(errs, fmt.Errorf("I2C bus %s: %w", b.Name, b.Err))
		}
	}
	for _, p := range r.SPI {
		if p.Err != nil {
			errs = append(errs, fmt.Errorf("SPI %s: %w", p.Bus, p.Err))
		}
	}
	if len(errs) == 0 && !r.found() {
		return errors.New("nothing was found that the agent can read")
	}
	return errors.Join(errs...)
}

// found reports whether there may be something to read beside the machine
// itself.
func (r Report) found() bool {
	known := func(c Chip) bool { return c.Driver != "" }
	return len(r.SPI) > 0 ||
		slices.ContainsFunc(r.I2C, func(b Bus) bool { return slices.ContainsFunc(b.Chips, known) }) ||
		slices.ContainsFunc(r.Kernel, func(s Source) bool { return !s.Own })
}

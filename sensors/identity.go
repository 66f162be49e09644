package sensors

import (
	"encoding/binary"
	"fmt"
)

// A Certainty is how well a chip was recognised. A greater one is better.
type Certainty uint8

// The certainties of an [Identity].
const (
	Perhaps  Certainty = iota + 1 // its address speaks for it, and nothing against
	Probably                      // registers hold what those of hardly another chip do
	Surely                        // it has said so itself: by a number, or with a checksum
)

// String returns the certainty as it is said of a chip: "perhaps", "probably",
// "surely"; "" of one that was not recognised.
func (c Certainty) String() string {
	return [...]string{"", "perhaps", "probably", "surely"}[c]
}

// MarshalText implements [encoding.TextMarshaler].
func (c Certainty) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// An Identity is the chip that a driver has recognised at an address.
type Identity struct {
	Chip      string // as its maker writes it: "BME280"
	Certainty Certainty
}

// Register reads a register of a chip on I2C, of 16 bits, most significant byte
// first: what an Identify does that goes by what they hold. It reads one after
// the other and stops at the first that speaks against its chip, lest it come
// to one that another chip clears when it is read. A chip that does not answer
// is [ErrNotFound].
func (w Wire) Register(number byte) (uint16, error) {
	var b [2]byte
	if err := w.I2C.Tx(w.Address, []byte{number}, b[:]); err != nil {
		return 0, fmt.Errorf("%w: reading register %#02x: %w", ErrNotFound, number, err)
	}
	return binary.BigEndian.Uint16(b[:]), nil
}

// A Source is something that the kernel measures with and a driver can read.
type Source struct {
	Name  string   `json:"name"`         // as the kernel calls it: "bme280", "28-0316a2795bff"
	At    string   `json:"at,omitempty"` // the device it belongs to: "1-0076"; "" for none
	Gives []string `json:"gives"`        // what can be read of it, as the kernel calls that
	// Options are what a configuration has to say beside the driver, in one
	// line of YAML: "device: bme280, channels: [{channel: temp}]".
	Options string `json:"options"`
	// Own says that it measures this machine and not what is around it: the
	// processor's temperature, the supply, a fan.
	Own bool `json:"own,omitempty"`
}

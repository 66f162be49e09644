package sensors

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/spi"
)

// A Bus names the kind of wire a driver needs.
type Bus string

// The kinds of bus.
const (
	NoBus Bus = ""
	I2C   Bus = "i2c"
	SPI   Bus = "spi"
)

// A Driver is the code for one chip family or source, as a value: the
// catalogue is a list of these. Make one with [NewDriver].
type Driver struct {
	Name      string   // as written in a configuration: "bme280"
	Summary   string   // one line for `sensor-agent drivers`
	Bus       Bus      // what Wire carries when the sensor is opened
	Addresses []uint16 // I2C addresses the chip can have, the usual one first
	Example   string   // options it cannot do without, in one line of YAML: "channels: [{channel: 0}]"

	// Identify finds out whether the chip that answers is one of this driver's.
	// It must do no harm to whatever else may be there: it reads, registers or
	// plainly, and commands at most to be told a number. An error says what
	// was expected and what was found; it is [ErrNotFound] when another chip
	// answers. nil where nothing can be told: on SPI.
	Identify func(ctx context.Context, wire Wire) (Identity, error)
	// Discover lists what the driver could read by the kernel, whose /sys it
	// is handed. nil for drivers of chips.
	Discover func(sys fs.FS) ([]Source, error)

	options   any
	configure func(decode func(options any) error) (Plan, error)
}

// A Plan is what one configured sensor will be, known before anything is
// opened: so a configuration can be checked on any machine, and the keys of a
// message are the same whether the chip answers or not.
type Plan struct {
	Outputs []Output
	Takes   time.Duration // longest time one Read takes on a healthy bus
	// Open reaches the chip and readies it for Read. An error says what was
	// expected and what was found; the sensor and its bus are named by the
	// caller.
	Open func(ctx context.Context, wire Wire) (Sensor, error)
}

// An Output is one place in a sensor's reading.
type Output struct {
	Key      string // JSON key before renaming; unique within the sensor
	Quantity Quantity
	Limits   Limits
}

// OutputsOf gives quantities their usual keys and no limits.
func OutputsOf(quantities ...Quantity) []Output {
	outputs := make([]Output, len(quantities))
	for i, q := range quantities {
		outputs[i] = q.Output(Limits{})
	}
	return outputs
}

// A Wire is what a driver reaches its chip through. Transactions on it are
// serialised with those of the other sensors of the bus, and each has a
// deadline.
type Wire struct {
	I2C     i2c.Bus  // set for drivers on I2C
	Address uint16   // 7-bit I2C address
	SPI     spi.Port // set for drivers on SPI
	// Log is for what a person should know of the chip found, once per open:
	// "this is a BMP280, which has no humidity". Never nil.
	Log *slog.Logger
}

// NewDriver completes d with its typed options. defaults is a struct value
// whose fields carry `yaml:"name"` and `help:"…"` tags; plan is handed a copy
// with the user's options filled in and validates it. What it finds wrong with
// one option it returns as [BadOption].
func NewDriver[O any](d Driver, defaults O, plan func(O) (Plan, error)) Driver {
	d.options = defaults
	d.configure = func(decode func(any) error) (Plan, error) {
		o := defaults
		if err := decode(&o); err != nil {
			return Plan{}, err
		}
		return plan(o)
	}
	return d
}

// Options returns the driver's options with their default values, a struct.
func (d Driver) Options() any { return d.options }

// Configure fills a copy of the default options by decode, which is handed a
// pointer to the options struct, and returns what the sensor will be.
func (d Driver) Configure(decode func(options any) error) (Plan, error) {
	return d.configure(decode)
}

// An OptionError says which option of a driver has a value that cannot be.
type OptionError struct {
	Option string // as in the configuration: "channels"
	Err    error
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *OptionError) Unwrap() error { return e.Err }

// BadOption makes an [OptionError].
func BadOption(option, format string, args ...any) error {
	return &OptionError{Option: option, Err: fmt.Errorf(format, args...)}
}

// ErrNotFound marks an error of Plan.Open: nothing answers at the address, or
// what answers is another chip.
var ErrNotFound = errors.New("chip not found")

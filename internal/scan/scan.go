// Package scan finds out which buses a device has, which chips answer on them
// and what the kernel measures by itself, and writes the configuration for it.
//
// A chip is recognised by its driver's Identify: by a number it carries, by a
// checksum, or by registers that hold what those of hardly another chip do. The
// address alone says little, as there are only 112 of them.
//
// # What is harmless
//
// Nobody knows what else is wired to a bus: relays, servos, a converter that
// drives something. So nothing is ever written that could be a value. What goes
// over the wire is, in this order:
//
//  1. A plain read of one byte at each address from 0x08 to 0x77, those that
//     have no other meaning in the I2C specification. It is what i2cdetect does
//     where it is careful. Chips that a driver of the kernel owns are left out.
//  2. Where no driver of the agent has a chip, nothing more. That leaves alone
//     memories (0x50 to 0x57), displays, and most addresses of the PCF8574 (0x20
//     to 0x27, 0x38 to 0x3F), to which a byte is the state of eight outputs.
//  3. A chip that answered has registers, or outputs, or both. It is sent the
//     number of a register and read at once, in one transaction. No value
//     follows the number, so no register changes.
//  4. A chip that did not answer may be one that has nothing to say unless it
//     is told a command, as Sensirion's and the HDC302x are. These get commands
//     that ask for a number. So does a chip whose plain answer carries the
//     checksums of such a chip.
//
// [line] sees to it that drivers keep to the last two points. It is also why
// drivers whose chips share addresses can be asked in any order:
//
//   - 0x40 to 0x4F: INA219, ADS1115, ADS1015 and TMP102 have registers. The
//     numbers are 0 to 5, which each of them has or folds into those it has. The
//     one register that loses something by being read, the INA219's power at 3,
//     is asked for only of a chip that has shown not to be one. To an SHT4x, 0
//     to 5 are no commands; to an HDC302x and an SHT3x, half of one.
//   - 0x44 to 0x47: SHT4x and HDC302x get commands. That of the SHT4x is half a
//     one to an HDC302x. That of the HDC302x begins with a byte that is not a
//     command of the SHT4x, of which some heat it; it is sent second, and not
//     at all when an SHT4x has answered.
//   - 0x62: the SCD4x gets commands, the converter MCP4725, to which two bytes
//     are a voltage, none, as it answers a plain read.
//   - 0x23, 0x5C and 0x38: BH1750 and AHT20 have no registers. They are only
//     read, since a PCF8574 or PCF8574A may be there instead.
//   - 0x18 to 0x1F, 0x76 and 0x77: MCP9808 and Bosch's chips have registers. The
//     numbers asked for are no commands of the DS2482 and MS5611 found there.
//
// Three chips change by the number of a register all the same: a multiplexer
// TCA9548A at 0x76 or 0x77 connects other branches, a PCF8591 at 0x48 to 0x4B
// switches its analog output off, an HDC1080 at 0x40 measures. The next access
// of a program that uses them puts that right.
//
// An agent that runs at the same time is not disturbed, as transactions of the
// two only take turns, but for one thing: a chip that hands a measurement out
// once may hand it to the scan.
//
// Not found are chips that say nothing unless they get a command that no driver
// here has, and everything behind a multiplexer. On SPI nothing can be found:
// converters have no identity, and there are no addresses.
package scan

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"

	"sensor-agent/internal/bus"
	"sensor-agent/sensors"
)

// A Device is where to look.
type Device struct {
	Root    string // stands for / in tests; "" is /
	Buses   *bus.Buses
	Drivers []sensors.Driver
}

func (d Device) sys() fs.FS { return os.DirFS(d.Root + "/sys") }

// Scan looks at everything, or with a name at one I2C bus only: "1", or
// "/dev/i2c-1". It takes less than a second for each bus that works, 2 s for
// one that is stuck, and ends early with ctx.
func (d Device) Scan(ctx context.Context, only string) Report {
	if path, _, err := bus.Node(sensors.I2C, only); err == nil && only != "" {
		only = strings.TrimPrefix(path, "/dev/i2c-") // as the kernel has it: "01" is "1"
	}
	r := Report{Kernel: []Source{}, SPI: []Port{}} // an empty list is one in JSON, too
	d.discover(&r, only)
	r.I2C = d.adapters(only)
	for i := range r.I2C {
		if b := &r.I2C[i]; b.Skipped == "" {
			d.scanBus(ctx, b, r.Kernel)
		}
	}
	if only == "" {
		r.SPI = d.ports()
		d.advise(&r)
	}
	r.Config = d.configuration(r)
	return r
}

// discover asks the drivers of the kernel's sensors what they could read.
func (d Device) discover(r *Report, only string) {
	for _, driver := range d.Drivers {
		if driver.Discover == nil {
			continue
		}
		sources, err := driver.Discover(d.sys())
		if err != nil && only == "" {
			r.Advice = append(r.Advice, driver.Name+": "+reason(err))
		}
		for _, s := range sources {
			if only == "" || strings.HasPrefix(s.At, only+"-") {
				r.Kernel = append(r.Kernel, Source{Driver: driver.Name, Source: s})
			}
		}
	}
}

// ports lists the chip selects of the SPI buses.
func (d Device) ports() []Port {
	ports := []Port{}
	for _, name := range d.nodes("spidev") {
		p := Port{Bus: name}
		if _, err := d.Buses.SPI(name); err != nil {
			p.Err = failure{err}
		}
		ports = append(ports, p)
	}
	return ports
}

// nodes returns what follows a prefix in the names of device nodes, in order.
func (d Device) nodes(prefix string) []string {
	entries, _ := os.ReadDir(d.Root + "/dev") // none is an answer, too
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutPrefix(e.Name(), prefix); ok {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, byNumber)
	return names
}

// advise says what to do about buses that are not there, and about silence.
func (d Device) advise(r *Report) {
	if !slices.ContainsFunc(r.I2C, func(b Bus) bool { return b.Name == "1" }) {
		if err := bus.Examine(d.Root, sensors.I2C, "1"); err != nil {
			r.Advice = append(r.Advice, "I2C bus 1, on pins 3 and 5 of the header: "+err.Error())
		}
	}
	if len(r.SPI) == 0 {
		if err := bus.Examine(d.Root, sensors.SPI, "0.0"); err != nil {
			r.Advice = append(r.Advice, "SPI, if something is wired to it: "+err.Error())
		}
	}
	var silent []string
	for _, b := range r.I2C {
		if b.Err != nil || len(b.Chips) > 0 {
			return
		}
		if b.Skipped == "" {
			silent = append(silent, b.Name)
		}
	}
	if silent != nil {
		r.Advice = append(r.Advice, "nothing answers on I2C bus "+strings.Join(silent, " and ")+
			": check the supply of the chips, ground, and that SDA and SCL are not exchanged; a chip that needs a command no driver here has is shown by `i2cdetect -y "+silent[0]+"`")
	}
}

// quiet is the log of drivers that are asked what chip they see.
var quiet = slog.New(slog.DiscardHandler)

// reason is what err says, without the mark that the chip was not found: of a
// scan that is the matter in any case.
func reason(err error) string {
	return strings.TrimPrefix(err.Error(), sensors.ErrNotFound.Error()+": ")
}

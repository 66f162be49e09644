package scan

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"sensor-agent/sensors"
)

// The addresses of chips; those below and above mean something else to all of
// them (I2C-bus specification UM10204, §3.1.12).
const first, last = 0x08, 0x77

var errLow = errors.New("every address answers: SDA is held low, by a chip or by touching ground: check the wiring, and switch the supply of the chips off and on")

// scanBus fills in the chips of a bus. A bus that fails meanwhile keeps what
// was found before.
func (d Device) scanBus(ctx context.Context, b *Bus, kernel []Source) {
	wire, err := d.Buses.I2C(b.Name)
	if err != nil {
		b.Err = failure{err}
		return
	}
	owners := d.owners(b.Name)
	l := &line{Bus: wire}
	answers := l.listen(owners)
	for a := uint16(first); a <= last; a++ {
		if o, owned := owners[a]; owned {
			b.Chips = append(b.Chips, o.asChip(a, kernel))
			continue
		}
		if l.failed != nil || ctx.Err() != nil {
			continue
		}
		if c, there := d.ask(ctx, l, a, answers[a]); there {
			b.Chips = append(b.Chips, c)
		}
	}
	if err := cmp.Or(l.failed, ctx.Err()); err != nil {
		b.Err = failure{err}
	}
}

// listen reads each address that the kernel does not own, and returns which
// have answered.
func (l *line) listen(owners map[uint16]owner) map[uint16]bool {
	answers := map[uint16]bool{}
	silent := false
	for a := uint16(first); a <= last && l.failed == nil; a++ {
		if _, owned := owners[a]; !owned {
			answers[a] = l.answers(a)
			silent = silent || !answers[a]
		}
	}
	if !silent {
		l.failed = errLow
	}
	return answers
}

// ask finds out which chip is at an address, if any.
func (d Device) ask(ctx context.Context, l *line, address uint16, answers bool) (c Chip, there bool) {
	c.Address = Address(address)
	drivers := d.at(address)
	if len(drivers) == 0 {
		return c, answers
	}
	l.heard = false
	l.commands = !answers || l.checksummed(address)
	for range 2 { // as one bit that flips makes an unknown chip of a known one
		c.identify(ctx, sensors.Wire{I2C: l, Address: address, Log: quiet}, drivers)
		if c.Name != "" || l.failed != nil || !answers && !l.heard {
			break
		}
	}
	if l.failed != nil {
		c.Notes = nil // they are of the bus, not of the chip
	}
	return c, answers || l.heard
}

// identify has the drivers look at the chip, until one is sure. Of several that
// are not, the most certain one names it.
func (c *Chip) identify(ctx context.Context, wire sensors.Wire, drivers []sensors.Driver) {
	c.Notes = nil
	for _, driver := range drivers {
		id, err := driver.Identify(ctx, wire)
		switch {
		case err == nil && id.Certainty > c.Certainty:
			c.Name, c.Certainty, c.Driver = id.Chip, id.Certainty, driver.Name
		case err != nil && !errors.Is(err, errUnsafe) && !slices.Contains(c.Notes, reason(err)):
			c.Notes = append(c.Notes, reason(err))
		}
		if c.Certainty == sensors.Surely {
			break
		}
	}
	if c.Name != "" {
		c.Notes = nil
	}
}

// at returns the drivers whose chips can be at an address, in the order of the
// catalogue.
func (d Device) at(address uint16) []sensors.Driver {
	var drivers []sensors.Driver
	for _, driver := range d.Drivers {
		if driver.Identify != nil && slices.Contains(driver.Addresses, address) {
			drivers = append(drivers, driver)
		}
	}
	return drivers
}

// asChip is a chip that the kernel has, with the driver by which the agent can
// read it, if there is one.
func (o owner) asChip(address uint16, kernel []Source) Chip {
	c := Chip{Address: Address(address), Name: o.chip, Kernel: o.driver}
	if i := slices.IndexFunc(kernel, func(s Source) bool { return s.At == o.device }); i >= 0 {
		c.Driver = kernel[i].Driver
	}
	return c
}

package scan

import (
	"cmp"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// displays are the adapters of a Raspberry Pi's HDMI sockets, by what the kernel
// calls them: those of the Pi 1 to 3, of the Pi 4, of the Pi 5.
var displays = []string{"i2c@7e805000", "fef04500.i2c", "fef09500.i2c", "107d508200.i2c", "107d508280.i2c"}

// branch is the name of an adapter that is a branch of another one's wires.
var branch = regexp.MustCompile(`^i2c-([0-9]+)-mux `)

// adapters lists the I2C buses that have a device node, or the one that is
// named whether it has or not, with the reason for each that is left out.
func (d Device) adapters(only string) []Bus {
	if only != "" {
		return []Bus{{Name: only, Adapter: d.adapter(only)}}
	}
	buses := []Bus{}
	branched := map[string][]string{}
	for _, name := range d.nodes("i2c-") {
		b := Bus{Name: name, Adapter: d.adapter(name)}
		if trunk := branch.FindStringSubmatch(b.Adapter); trunk != nil {
			branched[trunk[1]] = append(branched[trunk[1]], name)
		}
		buses = append(buses, b)
	}
	screens := d.screens()
	for i := range buses {
		b := &buses[i]
		isDisplay := func(name string) bool { return strings.Contains(b.Adapter, name) }
		switch {
		case slices.Contains(screens, "i2c-"+b.Name) || slices.ContainsFunc(displays, isDisplay):
			b.Skipped = "it leads to a display"
		case branched[b.Name] != nil:
			b.Skipped = "its chips are on bus " + strings.Join(branched[b.Name], " and ")
		}
	}
	return buses
}

// adapter returns what the kernel calls the hardware of a bus, "" if it does
// not say.
func (d Device) adapter(name string) string {
	text, err := fs.ReadFile(d.sys(), "class/i2c-dev/i2c-"+name+"/name")
	if err != nil {
		text, _ = fs.ReadFile(d.sys(), "bus/i2c/devices/i2c-"+name+"/name")
	}
	return strings.TrimSpace(string(text))
}

// screens returns the adapters that sockets for displays have: a connector of
// the graphics driver has a link to its own.
func (d Device) screens() []string {
	const class = "class/drm"
	entries, _ := fs.ReadDir(d.sys(), class)
	var names []string
	for _, e := range entries {
		if link, err := fs.ReadLink(d.sys(), path.Join(class, e.Name(), "ddc")); err == nil {
			names = append(names, path.Base(link))
		}
	}
	return names
}

// An owner is the kernel's driver of a chip.
type owner struct {
	chip   string // as the device tree, or who announced it, calls it
	driver string
	device string // "1-0076"
}

// owners returns the chips on a bus that drivers of the kernel have, by their
// addresses. One that is only announced, without a driver, is nobody's.
func (d Device) owners(bus string) map[uint16]owner {
	const folder = "bus/i2c/devices"
	entries, _ := fs.ReadDir(d.sys(), folder)
	owners := map[uint16]owner{}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), bus+"-")
		address, err := strconv.ParseUint(digits, 16, 16)
		if !ok || err != nil {
			continue
		}
		device := path.Join(folder, e.Name())
		link, err := fs.ReadLink(d.sys(), path.Join(device, "driver"))
		if err != nil {
			continue
		}
		name, _ := fs.ReadFile(d.sys(), path.Join(device, "name"))
		owners[uint16(address)] = owner{strings.TrimSpace(string(name)), path.Base(link), e.Name()}
	}
	return owners
}

// byNumber orders names by the numbers in them: "2" before "10", "0.1" before
// "1.0".
func byNumber(a, b string) int {
	numbers := func(s string) []int {
		var list []int
		for part := range strings.SplitSeq(s, ".") {
			n, _ := strconv.Atoi(part)
			list = append(list, n)
		}
		return list
	}
	return cmp.Or(slices.Compare(numbers(a), numbers(b)), strings.Compare(a, b))
}

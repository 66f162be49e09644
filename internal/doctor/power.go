package doctor

import (
	"strconv"
	"strings"
)

// What the firmware tells of the supply and the heat: now in the lower half,
// since the start in the upper one ("get_throttled" in the documentation of
// Raspberry Pi OS).
const (
	underVoltage = 1 << 0
	capped       = 1 << 1
	throttled    = 1 << 2
	hot          = 1 << 3
	sinceStart   = 16 // bits to the left
)

const (
	betterSupply = "use the power supply made for this Pi, with a short, thick cable, and take off its USB ports what draws much"
	betterAir    = "give the processor a heat sink, or the case more air"
)

// Power says whether the supply of a Raspberry Pi has been enough: too little
// lets it and its sensors do odd things.
func (m Machine) Power() Finding {
	// The alarm first: in kernels that have it, asking for the other makes the
	// kernel complain of an old interface and count itself tainted.
	for _, name := range m.glob("/sys/class/hwmon/*/name") {
		if m.read(name) != "rpi_volt" {
			continue
		}
		switch m.read(strings.TrimSuffix(name, "name") + "in0_lcrit_alarm") {
		case "0":
			return ok(Power, "no under-voltage")
		case "1":
			return Finding{Power, Failed, "under-voltage: the supply is below 4.63 V", betterSupply}
		}
	}
	for _, pattern := range []string{"/sys/devices/platform/*firmware/get_throttled", "/sys/devices/platform/*/*firmware/get_throttled"} {
		for _, path := range m.glob(pattern) {
			if bits, err := strconv.ParseUint(m.read(path), 16, 32); err == nil {
				return power(uint(bits))
			}
		}
	}
	return skip(Power, "this machine does not tell of its supply")
}

func power(bits uint) Finding {
	now, before := named(bits), named(bits>>sinceStart)
	var words []string
	if now != "" {
		words = append(words, now+" now")
	}
	if before != "" {
		words = append(words, before+" since the start")
	}
	f := Finding{Power, Warning, strings.Join(words, "; "), betterAir}
	if (bits|bits>>sinceStart)&underVoltage != 0 {
		f.Do = betterSupply
	}
	switch {
	case len(words) == 0:
		return ok(Power, "no under-voltage and no throttling, now or since the start")
	case bits&underVoltage != 0:
		f.Status = Failed
	}
	return f
}

func named(bits uint) string {
	var words []string
	for _, b := range []struct {
		bit  uint
		word string
	}{
		{underVoltage, "under-voltage (below 4.63 V)"},
		{capped, "processor slowed down"},
		{throttled, "processor throttled"},
		{hot, "processor too hot"},
	} {
		if bits&b.bit != 0 {
			words = append(words, b.word)
		}
	}
	return strings.Join(words, ", ")
}

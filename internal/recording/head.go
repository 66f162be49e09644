package recording

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// A Head is what a person reads first in a recording.
type Head struct {
	Version string    // of the agent that made it
	Made    time.Time // when
	Notes   []string  // why, and what else is to be known; each one line
	Sensors []Sensor  // that were read
}

// A Sensor is one to be configured when a recording is played back.
type Sensor struct {
	Bus  string // "i2c-1"; "" when it is not known
	Keys string // as a configuration has them, but for bus: "name: air, driver: bme280"
}

// appendHead appends the head of the recording that is kept at path.
func appendHead(b []byte, path string, h Head) []byte {
	b = append(b, magic+version+"\n"...)
	comment := func(format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		b = fmt.Appendf(b, "# %s\n", strings.Join(strings.Fields(text), " "))
	}
	comment("made by sensor-agent %s, %s", h.Version, h.Made.UTC().Format(time.RFC3339))
	for _, note := range h.Notes {
		comment("%s", note)
	}
	comment("To play it back, put it beside a configuration with")
	b = append(b, "# sensors:\n"...)
	several := severalBuses(h.Sensors)
	for _, s := range h.Sensors {
		bus := s.Bus
		if !several {
			bus = ""
		}
		b = fmt.Appendf(b, "#   - {%s, bus: %q}\n", s.Keys, JoinName(filepath.Base(path), bus))
	}
	comment("Each line: when it began (s), the bus, the chip, what was written and read, how long it took (s)")
	return b
}

func severalBuses(list []Sensor) bool {
	for _, s := range list {
		if s.Bus != list[0].Bus {
			return true
		}
	}
	return false
}

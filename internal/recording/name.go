package recording

import "strings"

const replayPrefix = "replay:"

// CutName takes apart the name of a bus that is a recording: "replay:air.rec",
// or "replay:air.rec#i2c-1" for one of several buses in it. ok is false for a
// name that does not begin so. A folder may have a # in its name.
func CutName(name string) (file, bus string, ok bool) {
	rest, ok := strings.CutPrefix(name, replayPrefix)
	if i := strings.LastIndexByte(rest, '#'); ok && i > strings.LastIndexByte(rest, '/') {
		return rest[:i], rest[i+1:], true
	}
	return rest, "", ok
}

// JoinName is the reverse of [CutName]. bus may be "".
func JoinName(file, bus string) string {
	if bus != "" {
		bus = "#" + bus
	}
	return replayPrefix + file + bus
}

// IsI2C reports whether a recording can have an I2C bus of that name: "i2c-1".
func IsI2C(bus string) bool { return strings.HasPrefix(bus, i2cPrefix) && isBus(bus) }

// IsSPI reports whether a recording can have an SPI port of that name:
// "spi-0.0".
func IsSPI(bus string) bool { return strings.HasPrefix(bus, spiPrefix) && isBus(bus) }

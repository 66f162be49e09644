package w1

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"sensor-agent/sensors"
)

// A scratchpad is the memory of a thermometer (DS18B20, "Memory"): the
// temperature in bytes 0 and 1, alarms in 2 and 3, the configuration in 4, the
// checksum in 8.
type scratchpad [9]byte

// ds18s20 is the family whose temperature has another form.
const ds18s20 = "10"

// limits are those of the thermometers (DS18B20, "Absolute Maximum Ratings"). There
// is no step: they have a checksum, and are dipped into hot and cold.
var limits = sensors.Limits{Min: -55, Max: 125}

// errSilent is what an empty w1_slave means: the kernel has tried five times,
// and writes nothing when none went well.
var errSilent = errors.New("the thermometer did not answer, or not with a right checksum: " + wiring)

// parse takes the scratchpad from what w1_slave holds:
//
//	72 01 4b 46 7f ff 0e 10 57 : crc=57 YES
//	72 01 4b 46 7f ff 0e 10 57 t=23125
//
// The second line is of no use: after a wrong checksum its bytes are those of
// the last right one, and its temperature is that of the wrong ones.
func parse(text []byte) (pad scratchpad, err error) {
	if len(text) == 0 {
		return pad, errSilent
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	if bytes.HasSuffix(line, []byte(" NO")) {
		return pad, fmt.Errorf("wrong checksum in %q: %s", line, wiring)
	}
	malformed := len(line) < 3*len(pad) || !bytes.HasSuffix(line, []byte(" YES"))
	for i := 0; i < len(pad) && !malformed; i++ {
		n, err := hex.Decode(pad[i:i+1], line[3*i:3*i+2])
		malformed = n != 1 || err != nil || line[3*i+2] != ' '
	}
	if malformed {
		return pad, fmt.Errorf("%q is not what w1_therm writes into w1_slave", line)
	}
	return pad, nil
}

// temperature is what a thermometer of a family measured.
func (p scratchpad) temperature(family string) sensors.Measurement {
	// A line that rests at ground reads as nothing but zeros, for which the
	// checksum is 0 too. No thermometer has a 0 in byte 4: it is 0RR11111, for
	// a resolution of 9 + RR bits, or FF in a DS18S20.
	if p[4] == 0 {
		return sensors.NoValue("the memory of the thermometer reads as zeros: check whether data is shorted to ground")
	}
	if p.atPowerOn(family) {
		return sensors.NoValue("power-on value: the thermometer lost its supply before it had measured: check supply, pull-up and the length of its wires")
	}
	raw := int16(binary.LittleEndian.Uint16(p[:]))
	var celsius float64
	if family == ds18s20 {
		// DS18S20, "Operation - Measuring Temperature": half degrees, made
		// finer by COUNT REMAIN and COUNT PER °C.
		remain, per := float64(p[6]), float64(p[7])
		if per == 0 || remain > per {
			return sensors.NoValue("the thermometer's counters cannot be right: is it a DS18S20?")
		}
		celsius = float64(raw>>1) - 0.25 + (per-remain)/per
	} else {
		undefined := 3 - p[4]>>5&3 // bits, at a resolution below 12 (DS18B20, table 2)
		celsius = float64(raw>>undefined<<undefined) / 16
	}
	return sensors.Value(celsius)
}

// atPowerOn tells the 85 °C that a thermometer wakes up with, and still has if
// its supply broke down while it converted, from 85 °C that it measured. Byte 6
// wakes up as 0C; in a DS18B20 it is 10 less the lowest four bits of byte 0
// after a conversion, so 10 at 85 °C. (It is reserved; w1_therm makes use of
// the same.) There are copies of the chip that keep 0C for ever, and in a
// DS18S20 it counts sixteenths and is 0C at 85.00 °C too. All of these lose
// that one step of their range.
func (p scratchpad) atPowerOn(family string) bool {
	register := [2]byte{0x50, 0x05}
	if family == ds18s20 {
		register = [2]byte{0xAA, 0x00}
	}
	return [2]byte(p[:2]) == register && p[6] == 0x0C
}

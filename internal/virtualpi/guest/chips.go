//go:build linux

package main

import (
	"encoding/hex"
	"time"

	"sensor-agent/internal/chips"
)

// A stream is one of the agent's, with a sensor of its own, so that what
// happens to one cannot show in another.
type stream struct {
	name     string
	interval time.Duration
}

// A sensor is a simulated chip and what the agent is to make of it.
type sensor struct {
	stream
	config  string // of the sensor, behind its name
	wire    *wire
	address uint16
	chip    chips.Chip       // nil on SPI
	plug    func(there bool) // puts the chip on its wire, or takes it off
	reset   func()           // what a brown-out does; nil if the chip has nothing to lose
	points  []point          // it goes through these over and over
}

// A point is what a chip measures, and what is to be published of it. Those of
// a sensor lie close together: the weather jumps no further, and what stands
// quite still would be thought broken.
type point struct {
	set    func()
	values values
}

// The calibrations of two chips that were sold. The values expected of raw ones
// were computed by the integer formulas of the data sheet (BST-BME280-DS001
// §4.2.3) and of Bosch's own driver of the BME680; the first are an example of
// the data sheet.
const (
	calib280  = "706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017004b"
	calib280H = "6a01001323031e"
	calib680A = "a1670300c0920ed8589b03220dff361e66275df53ff11e"
	calib680B = "3ea42b002d14789c406520e0cb12"
	calib680C = "15b007f4fa"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err) // a constant of this file
	}
	return b
}

func air(x *wire, bus *chips.Bus) *sensor {
	c := chips.NewBME280([26]byte(unhex(calib280)), [7]byte(unhex(calib280H)))
	s := onI2C(x, bus, 0x76, "air", 500*time.Millisecond, `driver: bme280, bus: "1", address: 0x76`, &endless{BME280: c})
	s.reset = c.Reset
	at := func(t, p uint32, h uint16, temp, humi, pressure string) {
		s.points = append(s.points, point{func() { c.SetRaw(t, p, h) }, values{"temp": temp, "humi": humi, "pressure": pressure}})
	}
	at(519888, 415148, 30000, "25.08", "57.13", "1006.53")
	at(519998, 415200, 30010, "25.11", "57.19", "1006.49")
	at(520106, 415251, 30023, "25.15", "57.26", "1006.46")
	at(519790, 415099, 29985, "25.05", "57.05", "1006.57")
	return s
}

func gas(x *wire, bus *chips.Bus) *sensor {
	c := chips.NewBME680(chips.BME680Variant, [23]byte(unhex(calib680A)), [14]byte(unhex(calib680B)), [5]byte(unhex(calib680C)))
	s := onI2C(x, bus, 0x77, "gas", time.Second, `driver: bme680, bus: "1", address: 0x77`, c)
	s.reset = c.Reset
	at := func(t, p uint32, h, gas uint16, temp, humi, pressure, ohm string) {
		raw := chips.BME680Raw{Temperature: t, Pressure: p, Humidity: h, Gas: gas, GasRange: 3, GasValid: true, HeatStable: true}
		s.points = append(s.points, point{func() { c.SetRaw(raw) }, values{"temp": temp, "humi": humi, "pressure": pressure, "gas": ohm}})
	}
	at(501177, 302706, 21704, 578, "27.35", "56.06", "1009.61", "952891")
	at(501290, 302750, 21715, 579, "27.38", "56.13", "1009.61", "952211")
	at(501410, 302801, 21726, 577, "27.42", "56.2", "1009.57", "953571")
	at(501070, 302660, 21690, 576, "27.31", "55.96", "1009.61", "954253")
	return s
}

func volts(x *wire, bus *chips.Bus) *sensor {
	c := chips.NewADS1115()
	c.Oscillator(1.1) // as fast as it may be: the kernel does not wait for long
	s := onI2C(x, bus, 0x48, "volts", 500*time.Millisecond,
		`driver: ads1115, bus: "1", address: 0x48, full_scale: 2.048, channels: [{channel: 0, key: a}, {channel: 3, key: b}]`, c)
	s.reset = c.PowerCycle
	at := func(a, b int16, voltsA, voltsB string) {
		s.points = append(s.points, point{func() { c.Set(0, a); c.Set(3, b) }, values{"a": voltsA, "b": voltsB}})
	}
	at(20000, 8000, "1.25", "0.5")
	at(20016, 8016, "1.251", "0.501")
	at(20032, 7984, "1.252", "0.499")
	return s
}

func light(x *wire, bus *chips.Bus) *sensor {
	c := chips.NewBH1750()
	s := onI2C(x, bus, 0x23, "light", 500*time.Millisecond, `driver: bh1750, bus: "0", address: 0x23`, c)
	s.reset = c.PowerCycle
	at := func(raw uint16, lux string) {
		s.points = append(s.points, point{func() { c.Set(raw) }, values{"light": lux}})
	}
	at(1200, "1000")
	at(1212, "1010")
	at(1224, "1020")
	return s
}

func dial(x *wire, port *chips.Port) *sensor {
	c := chips.NewMCP3xxx(10, 8)
	s := &sensor{
		stream: stream{"dial", 500 * time.Millisecond}, wire: x,
		config: `driver: mcp3008, bus: "0.0", vref: 3.3, channels: [{channel: 0, key: a}, {channel: 7, key: b}]`,
	}
	s.plug = func(there bool) {
		if there {
			port.Plug(c)
		} else {
			port.Plug(nil)
		}
	}
	at := func(a, b uint16, voltsA, voltsB string) {
		s.points = append(s.points, point{func() { c.Set(0, a); c.Set(7, b) }, values{"a": voltsA, "b": voltsB}})
	}
	at(512, 256, "1.65", "0.825")
	at(513, 255, "1.6532", "0.8218")
	at(514, 257, "1.6564", "0.8282")
	return s
}

func onI2C(x *wire, bus *chips.Bus, address uint16, name string, interval time.Duration, config string, c chips.Chip) *sensor {
	return &sensor{
		stream: stream{name, interval}, config: config, wire: x, address: address, chip: c,
		plug: func(there bool) {
			if there {
				bus.Plug(address, c)
			} else {
				bus.Plug(address, nil)
			}
		},
	}
}

// endless is a BME280 that measures without end in normal mode, as the kernel
// has it do: whenever it has been looked at, it begins anew.
type endless struct {
	*chips.BME280
	ctrlMeas byte // 0 while not in normal mode
}

// Tx implements [chips.Chip].
func (c *endless) Tx(w, r []byte) error {
	const ctrlMeas, normal, forced = 0xF4, 3, 1
	if len(w) > 1 {
		c.ctrlMeas = 0
		if w[0] == ctrlMeas && w[1]&normal == normal {
			c.ctrlMeas = w[1]&^normal | forced
			w = []byte{ctrlMeas, c.ctrlMeas}
		}
	}
	writing := len(w) > 0 && len(r) == 0 // else it is looked at, whether read or not
	if err := c.BME280.Tx(w, r); err != nil || c.ctrlMeas == 0 || writing {
		return err
	}
	return c.BME280.Tx([]byte{ctrlMeas, c.ctrlMeas}, nil)
}

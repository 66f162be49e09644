package config

import (
	"testing"
)

// A bus may be a recording, whose place is told from that of the configuration.
func TestBusThatIsARecording(t *testing.T) {
	for _, c := range []struct{ config, sensor, want string }{
		{"/etc/sensor-agent/config.yaml", `{driver: bme280, bus: "replay:air.rec"}`, "replay:/etc/sensor-agent/air.rec"},
		{"/etc/sensor-agent/config.yaml", `{driver: bme280, bus: replay:/tmp/air.rec#i2c-3}`, "replay:/tmp/air.rec#i2c-3"},
		{"bugs/7.yaml", `{driver: mcp3008, channels: [{quantity: voltage}], bus: "replay:../all buses.rec#spi-0.1"}`, "replay:all buses.rec#spi-0.1"},
		{"7.yaml", `{driver: bme280, bus: "replay:a#1.rec#"}`, "replay:a#1.rec"},
	} {
		config, err := Parse(c.config, []byte("sensors:\n  - "+c.sensor+"\n"), environment())
		if err != nil {
			t.Errorf("%s: %v", c.sensor, err)
			continue
		}
		if got := config.Sensors[0].Bus; got != c.want {
			t.Errorf("%s: bus %s, want %s", c.sensor, got, c.want)
		}
	}
}

func TestBusThatIsNoRecording(t *testing.T) {
	for _, c := range []struct{ sensors, want string }{
		{
			`{driver: bme280, bus: "replay:"}`,
			`config.yaml:2:27: sensors[0].bus: "replay:" names no recording: write bus: "replay:FILE"`,
		},
		{
			`{driver: bme280, bus: "replay:air.rec#1"}`,
			`config.yaml:2:27: sensors[0].bus: "1" is not what a recording calls the bus of such a sensor: write it like i2c-1, or leave out # and what follows`,
		},
		{
			`{driver: mcp3008, channels: [{quantity: voltage}], bus: "replay:air.rec#i2c-1"}`,
			`config.yaml:2:61: sensors[0].bus: "i2c-1" is not what a recording calls the bus of such a sensor: write it like spi-0.0, or leave out # and what follows`,
		},
		{
			`{driver: simulated, bus: "replay:air.rec"}`,
			`config.yaml:2:30: sensors[0].bus: the driver simulated needs no bus: remove the key`,
		},
		{
			"{name: a, driver: bme280, bus: replay:air.rec}\n  - {name: b, driver: bme680, bus: replay:./air.rec, keys: {temp: t, humi: h, pressure: p}}",
			`config.yaml:3:5: sensors[1]: the sensor "a" is at 0x76 on I2C bus replay:air.rec already: give one chip another address by its address pin and write that, or put it on another bus`,
		},
	} {
		_, err := Parse("config.yaml", []byte("sensors:\n  - "+c.sensors+"\n"), environment())
		errs, _ := err.(Errors)
		if len(errs) != 1 || errs[0].Error() != c.want {
			t.Errorf("%s:\ngot  %v\nwant %s", c.sensors, err, c.want)
		}
	}
}

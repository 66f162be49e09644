package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sensor-agent/internal/recording"
	"sensor-agent/sensors"
)

// wire checks bus and address against what the driver can have, and fills in
// the usual ones.
func (d *decoder) wire(path string, s *Sensor, driver sensors.Driver) {
	s.Kind = driver.Bus
	switch driver.Bus {
	case sensors.NoBus:
		if s.Bus != "" {
			d.fail(path+".bus", "the driver "+driver.Name+" needs no bus", "remove the key")
		}
	case sensors.I2C:
		s.Bus = cmp.Or(s.Bus, "1")
		if !d.recording(path+".bus", s) && !busNumbers(s.Bus, 1) {
			d.fail(path+".bus", quote(s.Bus)+" is not the number of an I2C bus", `write bus: "1" for /dev/i2c-1`)
		}
	case sensors.SPI:
		s.Bus = cmp.Or(s.Bus, "0.0")
		if !d.recording(path+".bus", s) && !busNumbers(s.Bus, 2) {
			d.fail(path+".bus", quote(s.Bus)+" is not an SPI bus and chip select", `write bus: "0.0" for /dev/spidev0.0`)
		}
	}
	d.address(path+".address", s, driver)
}

// recording reports whether a recording stands for the sensor's bus, and checks
// its name; whether there is such a file is seen when the sensor is opened. A
// relative name begins at the folder of the configuration, as the two are handed
// on together.
func (d *decoder) recording(path string, s *Sensor) bool {
	file, bus, ok := recording.CutName(s.Bus)
	if !ok {
		return false
	}
	valid, example := recording.IsI2C, "i2c-1"
	if s.Kind == sensors.SPI {
		valid, example = recording.IsSPI, "spi-0.0"
	}
	switch {
	case file == "":
		d.fail(path, quote(s.Bus)+" names no recording", `write bus: "replay:FILE"`)
	case bus != "" && !valid(bus):
		d.fail(path, quote(bus)+" is not what a recording calls the bus of such a sensor", "write it like "+example+", or leave out # and what follows")
	case !filepath.IsAbs(file):
		file = filepath.Join(filepath.Dir(d.file), file)
	}
	s.Bus = recording.JoinName(file, bus)
	return true
}

// busNumbers reports whether s is n decimal numbers with dots between.
func busNumbers(s string, n int) bool {
	numbers := strings.Split(s, ".")
	for _, number := range numbers {
		if i, err := strconv.ParseUint(number, 10, 8); err != nil || strconv.FormatUint(i, 10) != number {
			return false
		}
	}
	return len(numbers) == n
}

func (d *decoder) address(path string, s *Sensor, driver sensors.Driver) {
	switch {
	case driver.Bus != sensors.I2C:
		if d.set(path) {
			d.fail(path, "the driver "+driver.Name+" is not on I2C and has no address", "remove the key")
		}
	case s.Address == 0 && !d.set(path) && len(driver.Addresses) > 0:
		s.Address = driver.Addresses[0]
	case !slices.Contains(driver.Addresses, s.Address):
		known := make([]string, len(driver.Addresses))
		for i, a := range driver.Addresses {
			known[i] = fmt.Sprintf("%#02x", a)
			if strconv.Itoa(int(s.Address)) == known[i][2:] {
				d.fail(path, fmt.Sprintf("%d is a decimal number, %#02x", s.Address, s.Address), "write "+known[i])
				return
			}
		}
		d.fail(path, fmt.Sprintf("a %s is never at %#02x", driver.Name, s.Address), "write one of "+list(known))
	}
}

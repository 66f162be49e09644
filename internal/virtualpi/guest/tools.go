//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sensor-agent/internal/chips"
)

// A state of the machine, and what the tools for looking inside have to say of
// it.
type state struct {
	name         string
	enter, leave func() error
	scan         []string // texts, whatever their spaces
	scanSilent   []string // and what must not be said
	scanCode     int
	doctor       []finding // and no other that has failed
}

// A finding is a line of the doctor's.
type finding struct{ Check, Status, What, Do string }

func (p *pi) states() []state {
	nothing := func() error { return nil }
	plug := func(s *sensor, there bool) func() error {
		return func() error { s.plug(there); return nil }
	}
	fail := func(f fault) func() error {
		return func() error { p.i2c[1].wire.setFault(f); return nil }
	}
	const foundAir, foundGas, foundLight = "0x76 BME280 driver bme280", "0x77 BME680 driver bme680", "BH1750 driver bh1750"
	readGas, readLight := finding{Check: "sensor", Status: "ok", What: "gas: temp 27.35 °C"}, finding{Check: "sensor", Status: "ok", What: "light: light 1000 lx"}
	var unbind func() error
	return []state{
		{
			name: "healthy", enter: nothing, leave: nothing,
			scan: []string{foundAir, foundGas, foundLight, "0x48 probably ADS1115 or ADS1015 driver ads1115", "SPI 0.0"},
			doctor: []finding{
				{Check: "bus", Status: "ok", What: "I2C bus 1"},
				{Check: "sensor", Status: "ok", What: "air: temp 25.08 °C; humi 57.13 %RH; pressure 1006.53 hPa"},
				readGas, readLight,
			},
		},
		{
			name: "chip unplugged", enter: plug(p.air, false), leave: plug(p.air, true),
			scan: []string{foundGas, foundLight}, scanSilent: []string{"0x76"},
			doctor: []finding{{Check: "sensor", Status: "fail", What: "nothing answers at 0x76"}, readGas, readLight},
		},
		{
			name: "bus stuck", enter: fail(fault{held: true}), leave: fail(fault{}),
			scan: []string{"the bus is stuck", foundLight}, scanSilent: []string{"0x76"}, scanCode: 69,
			doctor: []finding{
				{Check: "sensor", Status: "fail", What: "the bus is stuck"},
				{Check: "sensor", Status: "skip", What: "gas: not read, as the bus is stuck"},
				readLight,
			},
		},
		{
			name: "adapter absent", enter: p.i2c[1].pull, leave: p.i2c[1].plug,
			scan: []string{"I2C bus 0", foundLight}, scanSilent: []string{"0x76", `bus: "1"`},
			doctor: []finding{
				{Check: "bus", Status: "fail", What: "I2C bus 1"},
				{Check: "sensor", Status: "fail", What: "air: "},
				{Check: "sensor", Status: "fail", What: "gas: "},
				{Check: "sensor", Status: "fail", What: "volts: "},
				readLight,
			},
		},
		{
			name: "address owned by the kernel",
			enter: func() (err error) {
				_, unbind, err = p.bind(p.kernelDrivers()[0])
				return err
			},
			leave: func() error { return unbind() },
			scan:  []string{"0x76", "the kernel's driver bmp280 has it", foundGas, "device: bme280"}, scanSilent: []string{foundAir},
			doctor: []finding{{Check: "address", Status: "fail", What: "0x76 on I2C bus 1 (sensor air) belongs to the kernel's driver bmp280"}, readGas},
		},
		{
			name: "another chip at the address",
			enter: func() error {
				other := chips.NewBMP280([24]byte(unhex(calib280)[:24]))
				other.SetRaw(519888, 415148, 0)
				p.bus.Plug(p.air.address, other)
				return nil
			},
			leave: plug(p.air, true),
			scan:  []string{"0x76 BMP280 driver bmp280", foundGas}, scanSilent: []string{foundAir},
			doctor: []finding{{Check: "sensor", Status: "warn", What: "air: temp 25.08 °C", Do: "the chip is a BMP280, not a BME280"}, readGas},
		},
	}
}

// showTools has scan and doctor look at the machine in each state.
func (p *pi) showTools() {
	for _, s := range p.sensors {
		p.set(s, 0)
	}
	for _, s := range p.states() {
		p.step("scan and doctor, "+s.name, func() (string, error) {
			if err := s.enter(); err != nil {
				return "", err
			}
			errs := []error{s.checkScan(), s.checkDoctor(), s.leave()}
			return "both tell so", errors.Join(errs...)
		})
	}
	p.step("what scan prints is read", func() (string, error) {
		stdout, _, _ := command("scan")
		path, err := writeConfig("scanned", stdout)
		if err != nil {
			return "", err
		}
		return compareReading(path, p.air.points[0].values)
	})
}

func (s state) checkScan() error {
	stdout, stderr, code := command("scan")
	var errs []error
	if code != s.scanCode {
		errs = append(errs, fmt.Errorf("exit code %d, want %d", code, s.scanCode))
	}
	said := strings.Join(strings.Fields(stdout), " ")
	for _, text := range s.scan {
		if !strings.Contains(said, text) {
			errs = append(errs, fmt.Errorf("does not say %q", text))
		}
	}
	for _, text := range s.scanSilent {
		if strings.Contains(said, text) {
			errs = append(errs, fmt.Errorf("says %q", text))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("scan: %w: %s%s", err, stdout, stderr)
	}
	return nil
}

func (s state) checkDoctor() error {
	stdout, stderr, code := command("doctor", "--json", "--config", runConfig)
	var found []finding
	if err := json.Unmarshal([]byte(stdout), &found); err != nil {
		return fmt.Errorf("doctor: %w: %s%s", err, stdout, stderr)
	}
	var errs []error
	for _, want := range s.doctor {
		if !slices.ContainsFunc(found, want.is) {
			errs = append(errs, fmt.Errorf("does not say %+v", want))
		}
	}
	failed := false
	for _, f := range found {
		failed = failed || f.Status == "fail"
		if f.Status == "fail" && !slices.ContainsFunc(s.doctor, func(want finding) bool { return want.is(f) }) {
			errs = append(errs, fmt.Errorf("says %+v", f))
		}
	}
	if failed != (code != 0) {
		errs = append(errs, fmt.Errorf("exit code %d", code))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("doctor: %w: %s%s", err, stdout, stderr)
	}
	return nil
}

// is reports whether f is the finding wanted, whose texts may be parts of it.
func (want finding) is(f finding) bool {
	return f.Check == want.Check && f.Status == want.Status && strings.Contains(f.What, want.What) && strings.Contains(f.Do, want.Do)
}

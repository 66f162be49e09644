//go:build linux

package main

import (
	"errors"
	"fmt"
	"strings"

	"sensor-agent/internal/chips"
)

// A state of the machine, and what the tools for looking inside have to say of
// it: each of these texts, whatever its spaces.
type state struct {
	name         string
	enter, leave func() error
	scan         []string
	scanSilent   []string // and not in any
	scanCode     int
}

func (p *pi) states() []state {
	nothing := func() error { return nil }
	plug := func(s *sensor, there bool) func() error {
		return func() error { s.plug(there); return nil }
	}
	fail := func(f fault) func() error {
		return func() error { p.i2c[1].wire.setFault(f); return nil }
	}
	const foundAir, foundGas, foundLight = "0x76 BME280 driver bme280", "0x77 BME680 driver bme680", "BH1750 driver bh1750"
	var unbind func() error
	return []state{
		{
			name: "healthy", enter: nothing, leave: nothing,
			scan: []string{foundAir, foundGas, foundLight, "0x48 probably ADS1115 or ADS1015 driver ads1115", "SPI 0.0"},
		},
		{
			name: "chip unplugged", enter: plug(p.air, false), leave: plug(p.air, true),
			scan: []string{foundGas, foundLight}, scanSilent: []string{"0x76"},
		},
		{
			name: "bus stuck", enter: fail(fault{held: true}), leave: fail(fault{}),
			scan: []string{"the bus is stuck", foundLight}, scanSilent: []string{"0x76"}, scanCode: 69,
		},
		{
			name: "adapter absent", enter: p.i2c[1].pull, leave: p.i2c[1].plug,
			scan: []string{"I2C bus 0", foundLight}, scanSilent: []string{"0x76", `bus: "1"`},
		},
		{
			name: "address owned by the kernel",
			enter: func() (err error) {
				_, unbind, err = p.bind(p.kernelDrivers()[0])
				return err
			},
			leave: func() error { return unbind() },
			scan:  []string{"0x76", "the kernel's driver bmp280 has it", foundGas, "device: bme280"}, scanSilent: []string{foundAir},
		},
		{
			name: "another chip at the address",
			enter: func() error {
				p.bus.Plug(p.air.address, chips.NewBMP280([24]byte(unhex(calib280)[:24])))
				return nil
			},
			leave: plug(p.air, true),
			scan:  []string{"0x76 BMP280 driver bmp280", foundGas}, scanSilent: []string{foundAir},
		},
	}
}

// showTools has scan look at the machine in each state.
func (p *pi) showTools() {
	for _, s := range p.states() {
		p.step("scan, "+s.name, func() (string, error) {
			if err := s.enter(); err != nil {
				return "", err
			}
			stdout, stderr, code := command("scan")
			errs := []error{s.leave()}
			if code != s.scanCode {
				errs = append(errs, fmt.Errorf("exit code %d, want %d", code, s.scanCode))
			}
			errs = append(errs, compare(stdout, s.scan, s.scanSilent))
			if err := errors.Join(errs...); err != nil {
				return "", fmt.Errorf("%w: %s%s", err, stdout, stderr)
			}
			return fmt.Sprintf("says %q", s.scan), nil
		})
	}
	p.step("what scan prints can be read", func() (string, error) {
		stdout, _, _ := command("scan")
		path, err := writeConfig("scanned", stdout)
		if err != nil {
			return "", err
		}
		m, err := readOnce(path)
		return fmt.Sprintf("%s", m), err
	})
}

// compare checks that each text wanted is there, and none of the others.
func compare(output string, want, unwanted []string) error {
	var errs []error
	output = strings.Join(strings.Fields(output), " ")
	for _, text := range want {
		if !strings.Contains(output, text) {
			errs = append(errs, fmt.Errorf("does not say %q", text))
		}
	}
	for _, text := range unwanted {
		if strings.Contains(output, text) {
			errs = append(errs, fmt.Errorf("says %q", text))
		}
	}
	return errors.Join(errs...)
}

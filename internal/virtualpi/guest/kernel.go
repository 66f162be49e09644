//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A channel of a kernel's driver: its files are in_NAME_input, or in_NAME_raw
// and in_NAME_scale.
type channel struct {
	name, key string
	factor    float64 // to the unit that is published
	decimals  int
}

// kernelDrivers are those that Debian has for chips of the virtual Pi.
func (p *pi) kernelDrivers() []kernelDriver {
	return []kernelDriver{
		{p.air, "bme280", []channel{{"temp", "temp", 1e-3, 2}, {"humidityrelative", "humi", 1e-3, 2}, {"pressure", "pressure", 10, 2}}},
		{p.volts, "ads1115", []channel{{"voltage0", "a", 1e-3, 4}, {"voltage3", "b", 1e-3, 4}}},
	}
}

type kernelDriver struct {
	sensor   *sensor
	name     string
	channels []channel
}

// showKernelAgrees asks the kernel's own drivers for the same chips. What they
// say, and what the agent's driver iio makes of it, is what the agent's own
// drivers publish.
func (p *pi) showKernelAgrees() {
	for _, d := range p.kernelDrivers() {
		p.step("the kernel agrees on "+d.sensor.name, func() (seen string, err error) {
			folder, unbind, err := p.bind(d)
			if err != nil {
				return "", err
			}
			defer func() {
				if unbindErr := unbind(); err == nil {
					err = unbindErr
				}
			}()
			path, err := d.config(folder)
			if err != nil {
				return "", err
			}
			done := make(chan struct{})
			defer close(done)
			go d.sensor.look(done)
			for i, point := range d.sensor.points {
				p.set(d.sensor, i)
				time.Sleep(200 * time.Millisecond) // the chip measures without end
				for _, c := range d.channels {
					if got, err := c.read(folder); got != point.values[c.key] {
						return "", fmt.Errorf("point %d: %s is %s, want %s: %v", i, c.name, got, point.values[c.key], err)
					}
				}
				if seen, err = compareReading(path, point.values); err != nil {
					return "", fmt.Errorf("point %d by the agent's driver iio: %w", i, err)
				}
			}
			return fmt.Sprintf("%d points, such as %s", len(d.sensor.points), seen), nil
		})
	}
}

// look has a simulated chip know what time it is: one that measures without end
// begins anew when it is looked at.
func (s *sensor) look(done <-chan struct{}) {
	tick := time.NewTicker(500 * time.Microsecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = s.chip.Tx(nil, nil)
		case <-done:
			return
		}
	}
}

// bind has the kernel's driver take over the chip, as a line of a device tree
// does. unbind gives it free.
func (p *pi) bind(d kernelDriver) (folder string, unbind func() error, err error) {
	bus := p.i2c[1].path()
	if err := os.WriteFile(bus+"/new_device", fmt.Appendf(nil, "%s %#x", d.name, d.sensor.address), 0); err != nil {
		return "", nil, err
	}
	unbind = func() error {
		return os.WriteFile(bus+"/delete_device", fmt.Appendf(nil, "%#x", d.sensor.address), 0)
	}
	pattern := fmt.Sprintf("%s/1-%04x/iio:device*", bus, d.sensor.address)
	err = within(5*time.Second, pattern, func() bool {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			folder = found[0]
		}
		return folder != ""
	})
	return folder, unbind, err
}

// config writes a configuration of the agent's driver iio.
func (d kernelDriver) config(folder string) (path string, err error) {
	name, err := os.ReadFile(folder + "/name")
	if err != nil {
		return "", err
	}
	var channels []string
	for _, c := range d.channels {
		channels = append(channels, fmt.Sprintf("{channel: %s, key: %s}", c.name, c.key))
	}
	return writeConfig("iio", fmt.Sprintf("sensors: [{name: kernel, driver: iio, device: %s, channels: [%s]}]\n",
		strings.TrimSpace(string(name)), strings.Join(channels, ", ")))
}

// read returns the channel's value as the agent would write it.
func (c channel) read(folder string) (string, error) {
	v, err := number(folder + "/in_" + c.name + "_input")
	if os.IsNotExist(err) {
		var scale float64
		if scale, err = number(folder + "/in_" + c.name + "_scale"); err != nil {
			return "", err
		}
		v, err = number(folder + "/in_" + c.name + "_raw")
		v *= scale
	}
	if err != nil {
		return "", err
	}
	text := strings.TrimRight(strconv.FormatFloat(v*c.factor, 'f', c.decimals, 64), "0")
	if strings.HasSuffix(text, ".") {
		text += "0"
	}
	return text, nil
}

func number(path string) (float64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(string(b)), 64)
}

//go:build linux

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"sensor-agent/internal/chips"
)

// A pi is the machine as the agent finds it:
//
//	/dev/i2c-1       air (BME280 0x76), gas (BME680 0x77), volts (ADS1115 0x48)
//	/dev/i2c-0       light (BH1750 0x23)
//	/dev/spidev0.0   dial (MCP3008)
type pi struct {
	*ledger
	seed    uint64
	i2c     [2]*adapter // by the number of the bus
	bus     *chips.Bus  // what is on bus 1
	spi     *spidev
	sensors []*sensor
	air     *sensor
	gas     *sensor
	volts   *sensor
	light   *sensor
	dial    *sensor
	agent   *agent // nil while it does not run
}

func newPi(seed uint64) (*pi, error) {
	p := &pi{ledger: newLedger(), seed: seed, bus: &chips.Bus{}}
	var bus0 chips.Bus
	var port chips.Port
	conn, err := port.Connect(0, 0, 0)
	if err != nil {
		return nil, err
	}
	p.i2c[0] = &adapter{number: 0, wire: newWire(seed, bus0.Tx)}
	p.i2c[1] = &adapter{number: 1, wire: newWire(seed+1, p.bus.Tx)}
	p.spi = &spidev{name: "spidev0.0", wire: newWire(seed+2, func(_ uint16, w, r []byte) error { return conn.Tx(w, r) })}

	p.air, p.gas, p.volts = air(p.i2c[1].wire, p.bus), gas(p.i2c[1].wire, p.bus), volts(p.i2c[1].wire, p.bus)
	p.light, p.dial = light(p.i2c[0].wire, &bus0), dial(p.spi.wire, &port)
	p.near[p.dial.name] = 1.5 * 3.3 / 1024 // it sends each bit twice, but the last
	p.sensors = []*sensor{p.air, p.gas, p.volts, p.light, p.dial}
	for _, s := range p.sensors {
		s.plug(true)
		p.set(s, 0)
	}
	for _, plug := range []func() error{p.i2c[0].plug, p.i2c[1].plug, p.spi.plug} {
		if err := plug(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// set gives a sensor's chip one of its points.
func (p *pi) set(s *sensor, i int) {
	point := s.points[i%len(s.points)]
	p.change(s.name, point.values, point.set)
}

// weather changes what the chips measure until ctx ends.
func (p *pi) weather(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		for _, s := range p.sensors {
			p.set(s, i)
		}
		time.Sleep(700 * time.Millisecond) // beside the grids of the streams
	}
}

// config returns a configuration with these sensors.
func config(all ...*sensor) string {
	var b strings.Builder
	b.WriteString("device: pi\nclock: always\ncontrol: {remember: false}\noutbox: {dir: /tmp/outbox}\nstreams:\n")
	for _, s := range all {
		fmt.Fprintf(&b, "  - {name: %s, topic: pi/%[1]s, interval: %v, sensors: [%[1]s]}\n", s.name, s.interval)
	}
	b.WriteString("sensors:\n")
	for _, s := range all {
		fmt.Fprintf(&b, "  - {name: %s, %s}\n", s.name, s.config)
	}
	return b.String()
}

// writeConfig writes a configuration to a file of its own.
func writeConfig(name, text string) (path string, err error) {
	path = "/tmp/" + name + ".yaml"
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// showReading has `sensor-agent read` read every chip once.
func (p *pi) showReading() {
	for _, s := range p.sensors {
		p.step("one reading of "+s.name, func() (string, error) {
			path, err := writeConfig("read-"+s.name, config(s))
			if err != nil {
				return "", err
			}
			return compareReading(path, s.points[0].values)
		})
	}
}

// compareReading compares what `sensor-agent read` prints with what is wanted.
func compareReading(path string, want values) (string, error) {
	got, err := readOnce(path)
	if err != nil {
		return "", err
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if string(got[key]) != want[key] {
			return "", fmt.Errorf("%s is %s, want %s", key, got[key], want[key])
		}
	}
	return fmt.Sprint(want), nil
}

// others returns the sensors that are not among these.
func (p *pi) others(hit []*sensor) []*sensor {
	return slices.DeleteFunc(slices.Clone(p.sensors), func(s *sensor) bool { return slices.Contains(hit, s) })
}

// each does something for several sensors at once and returns the first error.
func each(all []*sensor, do func(*sensor) error) error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, s := range all {
		wg.Go(func() { errs[i] = do(s) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

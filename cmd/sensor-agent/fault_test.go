package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// One sensor fails in each way it can, one after the other. Beside it another
// sensor of the stream goes on, and what is said of it is said once.
func TestFaultsOfOneSensorAreItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "fault")
	p, c := started(t, `
sensors:
  - {name: good, driver: simulated}
  - {name: bad, driver: simulated, shape: counter, fault_file: `+file+`}
streams: [{interval: 1s}] # a shorter one leaves less time to a sensor that is well
`)
	c.state("two sensors that are well", func(s told) bool {
		return s.Sensors["good"].Health == "ok" && s.Sensors["bad"].Health == "ok"
	})
	health := func(want string) {
		t.Helper()
		until(t, "the sensor's own topic says "+want, func() bool {
			all := c.on("iot/greenhouse/sensor/bad")
			return len(all) > 0 && strings.Contains(decode[sensorState](t, all[len(all)-1].Payload).Health, want)
		})
		c.state("the health "+want, func(s told) bool {
			if h := s.Sensors["good"]; h.Health != "ok" || h.Failures != 0 {
				t.Errorf("the other sensor: %+v", h)
			}
			return strings.Contains(s.Sensors["bad"].Health, want)
		})
	}
	faults := []struct{ word, health string }{
		{"error", "the fault file says the sensor fails"},
		{"absent", "chip not found: the fault file says the sensor is absent"},
		{"hang", "no answer from the sensor in time"},
	}
	for _, f := range faults {
		// At once, so that no half of it is read.
		if err := os.Rename(write(t, dir, "new", f.word), file); err != nil {
			t.Fatal(err)
		}
		health(f.health)
		c.skip(valueTopic)
		c.next(valueTopic) // may have been read before
		for range 4 {
			m := decode[message](t, c.next(valueTopic).Payload)
			if m.Temp == nil || m.Value != nil {
				t.Errorf("message during %s: %+v", f.word, m)
			}
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		health("ok")
	}
	p.alive()
	p.stop(syscall.SIGTERM)
	failing, recovered := p.stderr.lines("sensor failing"), p.stderr.lines("sensor recovered")
	if len(failing) != len(recovered) {
		t.Errorf("failed %d times, recovered %d times", len(failing), len(recovered))
	}
	for _, f := range faults {
		of := func(line string) bool {
			return strings.Contains(line, "sensor=bad") && strings.Contains(line, f.health)
		}
		lines := slices.DeleteFunc(slices.Clone(failing), func(line string) bool { return !of(line) })
		// A machine that stands still for a while hangs too.
		if n := len(lines); n == 0 || n > 1 && f.word != "hang" {
			t.Errorf("%d lines of the fault %s, want one: %q", n, f.word, lines)
		}
	}
}

// What is wrong with a measurement is told under the key that it is published with.
func TestDoubtsNameWhatIsPublished(t *testing.T) {
	t.Parallel()
	_, c := started(t, `
sensors:
  - {name: sim, driver: simulated, shape: counter, keys: {value: count}, adjust: {value: {limits: {min: -2, max: -1}}}}
streams: [{interval: 100ms}]
`)
	c.state("a doubt about count", func(s told) bool {
		return strings.HasPrefix(s.Sensors["sim"].Health, "count: suspect: ")
	})
}

// A sensor that hangs cannot hold up the end either.
func TestAgentEndsBesideAHangingSensor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, c := started(t, `
sensors:
  - {name: good, driver: simulated}
  - {name: bad, driver: simulated, shape: counter, fault_file: `+write(t, dir, "fault", "hang")+`}
streams: [{interval: 100ms}]
`)
	c.state("a hanging sensor", func(s told) bool { return s.Sensors["bad"].Failures > 0 })
	p.stop(syscall.SIGTERM)
}

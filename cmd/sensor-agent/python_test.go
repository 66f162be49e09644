package main

import (
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"

	"sensor-agent/internal/mosquitto"
	"sensor-agent/internal/need"
)

// script runs a Python script that is a client of a broker, as people write
// them; it is killed when the test ends.
func script(t *testing.T, name string, broker *mosquitto.Server, stdin io.Reader) *process {
	t.Helper()
	python := need.PythonModule(t, "paho.mqtt.client", "python3-paho-mqtt")
	p := &process{t: t, cmd: exec.Command(python, "testdata/"+name, "127.0.0.1", strconv.Itoa(broker.Port)), ended: make(chan struct{})}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, &p.stdout, &p.stderr
	return p.start()
}

var (
	displayLine = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \| +\d+ lx \| +-?\d+\.\d C \| +\d+\.\d %$`)
	lampLine    = regexp.MustCompile(`^lamp (on|off) at \d+ lx$`)
)

func TestPythonScriptsReadTheMessages(t *testing.T) {
	t.Parallel()
	m := mosquitto.Start(t)
	display, lamp := script(t, "display.py", m, nil), script(t, "lamp.py", m, nil)
	startAgent(t, t.TempDir(), m.URL(), `
sensors:
  - {name: sim, driver: simulated}
  - {name: sun, driver: simulated, shape: uniform, max: 2000, keys: {value: light}}
streams:
  - {name: main, topic: iot/sensor/value, interval: 500ms, sensors: [sim]}
  - {name: light, topic: iot/light/value, interval: 500ms, qos: 0, format: value, sensors: [sun]}
`)
	for _, reader := range []struct {
		*process
		line *regexp.Regexp
	}{{display, displayLine}, {lamp, lampLine}} {
		until(t, "the script has printed ten lines", func() bool { return len(reader.stdout.lines("")) >= 10 })
		for _, line := range reader.stdout.lines("") {
			if !reader.line.MatchString(line) {
				t.Errorf("%s printed %q", reader.cmd, line)
			}
		}
		if text := reader.stderr.String(); text != "" {
			t.Errorf("%s: %s", reader.cmd, text)
		}
		reader.alive()
	}
}

func TestPythonScriptChangesTheInterval(t *testing.T) {
	t.Parallel()
	m := mosquitto.Start(t)
	c := connect(t, m.URL())
	startAgent(t, t.TempDir(), m.URL(), weather)
	c.next(valueTopic)
	lines, typed := io.Pipe()
	t.Cleanup(func() { typed.Close() })
	p := script(t, "tune.py", m, lines)
	for _, interval := range []string{"0.5", "5", "0.5"} {
		if _, err := fmt.Fprintln(typed, interval); err != nil {
			t.Fatal(err)
		}
		want := `{"result":"applied","stream":"main","interval":` + interval + `}`
		if ack := string(c.next(ackTopic).Payload); ack != want {
			t.Errorf("answer %s, want %s", ack, want)
		}
		seconds, err := strconv.ParseFloat(interval, 64)
		if err != nil {
			t.Fatal(err)
		}
		c.inForce(seconds)
		c.skip(valueTopic)
		wanted := time.Duration(seconds * float64(time.Second))
		before := decode[message](t, c.next(valueTopic).Payload).Timestamp
		until(t, "readings are apart as they should", func() bool { // a busy machine can be late once
			at := decode[message](t, c.next(valueTopic).Payload).Timestamp
			gap := at.Sub(before)
			before = at
			return gap > wanted/2 && gap < 2*wanted
		})
	}
	typed.Close()
	if code := p.wait(patience); code != 0 {
		t.Errorf("tune.py: exit code %d", code)
	}
}

package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sensor-agent/internal/doctor"
	"sensor-agent/internal/mosquitto"
	"sensor-agent/internal/need"
)

// Other agents run on the machine of these tests, so what doctor says of the
// agent that it finds, and of the client id, is left to package doctor's own.

// diagnose runs doctor on a configuration and returns what it finds.
func diagnose(t *testing.T, home, config string, args ...string) (found []doctor.Finding, code int) {
	t.Helper()
	path := write(t, home, "config.yaml", "device: greenhouse\nclock: always\n"+config)
	p := command(t, home, append([]string{"doctor", "--json", "--config", path}, args...)...).start()
	code = p.wait(patience)
	if err := json.Unmarshal([]byte(p.stdout.String()), &found); err != nil {
		t.Fatalf("%v:\n%s%s", err, p.stdout.String(), p.stderr.String())
	}
	return found, code
}

// of returns the findings of a check.
func of(check doctor.Check, found []doctor.Finding) []doctor.Finding {
	return slices.DeleteFunc(slices.Clone(found), func(f doctor.Finding) bool { return f.Check != check })
}

// What is published to prove that it may be is a reading that no consumer
// trips over, and nothing else happens to an agent that runs.
func TestDoctorDisturbsNobody(t *testing.T) {
	t.Parallel()
	m := mosquitto.Start(t)
	home := t.TempDir()
	const config = "streams: [{name: main, topic: iot/sensor/value, interval: 1h, retain: true, sensors: [sim]}, {name: count, topic: iot/count/value, interval: 1h, format: value, sensors: [count]}]\n" +
		"sensors: [{name: sim, driver: simulated}, {name: count, driver: simulated, shape: counter}]\n"
	agent := startAgent(t, home, m.URL(), config)
	consumer := connect(t, m.URL())
	first := decode[message](t, consumer.next(valueTopic).Payload)
	retained := string(consumer.next(statusTopic).Payload)
	if first.Seq == 0 || retained != "online" {
		t.Fatalf("%+v, %s", first, retained)
	}
	consumer.skip("iot/count/value")
	consumer.publish(valueTopic, "kept", true)
	consumer.next(valueTopic)

	found, code := diagnose(t, home, config, "--broker", m.URL())
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, check := range []doctor.Check{doctor.Configuration, doctor.Agent, doctor.Clock, doctor.Outbox, doctor.Address, doctor.Sensor, doctor.Broker, doctor.Publish, doctor.Commands, doctor.ClientID} {
		for _, f := range of(check, found) {
			if f.Status != doctor.OK {
				t.Errorf("%+v", f)
			}
		}
		if len(of(check, found)) == 0 {
			t.Errorf("nothing is said of %s", check)
		}
	}

	proof := consumer.next(valueTopic)
	if got := decode[message](t, proof.Payload); got.Epoch != 0 || got.Seq != 0 || got.Temp == nil || got.Device != "greenhouse" || proof.Retained {
		t.Errorf("published %v", proof)
	}
	if bare := consumer.next("iot/count/value"); string(bare.Payload) != "0" {
		t.Errorf("published %v", bare)
	}
	if status := consumer.next(statusTopic); string(status.Payload) != "online" {
		t.Errorf("published %v", status)
	}
	if empty := consumer.next(controlTopic); len(empty.Payload) != 0 {
		t.Errorf("published %v", empty)
	}
	agent.stop(syscall.SIGTERM)
	if status := consumer.next(statusTopic); string(status.Payload) != "offline" {
		t.Errorf("after it the status was %v", status)
	}
	if all := consumer.on(valueTopic); len(all) != 3 {
		t.Errorf("published %v", all)
	}
	if acks := consumer.on(ackTopic); len(acks) > 0 {
		t.Errorf("answered: %v", acks)
	}
	if lines := agent.stderr.lines("connection lost"); len(lines) > 0 {
		t.Errorf("the agent was disturbed: %s", lines)
	}
	if kept := connect(t, m.URL()).next(valueTopic); string(kept.Payload) != "kept" {
		t.Errorf("the broker keeps %v", kept)
	}
}

// What doctor says is what an agent logs that has the same trouble.
func TestDoctorSpeaksAsTheAgentDoes(t *testing.T) {
	t.Parallel()
	guarded := mosquitto.Start(t, "allow_anonymous false", "password_file "+mosquitto.PasswordFile(t, "pi", "secret")).URL()
	file := write(t, t.TempDir(), "file", "")
	for name, c := range map[string]struct {
		broker, config string
		check          doctor.Check
		does           string // what agents log of it first
	}{
		"broker":   {"tcp://" + need.Addr(t), weather, doctor.Broker, "no broker"},
		"name":     {"tcp://no-such-host.invalid:1883", weather, doctor.Broker, "no broker"},
		"password": {guarded, weather, doctor.Broker, "no broker"},
		"bus":      {guarded, `sensors: [{driver: bme280, bus: "91"}]`, doctor.Sensor, "sensor failing"},
		"outbox":   {guarded, weather + "outbox: {dir: " + file + "/outbox}", doctor.Outbox, "messages are held in memory only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			found, code := diagnose(t, home, c.config, "--broker", c.broker)
			i := slices.IndexFunc(found, func(f doctor.Finding) bool { return f.Check == c.check && f.Status == doctor.Failed })
			if code != 1 || i < 0 {
				t.Fatalf("exit code %d: %+v", code, found)
			}
			what := found[i].What
			if c.check == doctor.Sensor {
				_, what, _ = strings.Cut(what, ": ") // the log has the sensor beside it
			}
			agent := startAgent(t, home, c.broker, c.config)
			words := []string{strings.ReplaceAll(what, `"`, `\"`)}
			if !strings.Contains(what, "not a directory") { // there is no telling what to do
				words = append(words, found[i].Do)
			}
			agent.logs(append([]string{c.does}, words...)...)
			agent.stop(syscall.SIGTERM)
		})
	}
}

// A sensor that hangs costs its deadline, and the other checks are made.
func TestDoctorIsNotHeldUp(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	hang := write(t, home, "fault", "hang")
	found, code := diagnose(t, home, "sensors: [{name: stuck, driver: simulated, shape: counter, fault_file: "+hang+"}, {name: well, driver: simulated}]",
		"--broker", mosquitto.Start(t).URL())
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	said := of(doctor.Sensor, found)
	if len(said) != 2 || said[0].Status != doctor.Failed || !strings.Contains(said[0].What, "stuck: no answer within") || said[1].Status != doctor.OK {
		t.Errorf("%+v", said)
	}
	if p := of(doctor.Publish, found); len(p) == 0 || p[0].Status != doctor.OK {
		t.Errorf("%+v", p)
	}
}

func TestDoctorPrintsLines(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	wrong := write(t, home, "wrong.yaml", "sensor: []")
	for _, c := range []struct {
		args []string
		code int
		want []string // its lines, in this order; "…" at the end stands for the rest
	}{
		{[]string{"--config", wrong}, 78, []string{
			"FAIL  configuration  " + wrong + ":1:1: sensor: unknown key…", "                     do: did you mean \"sensors\"?…",
		}},
		{[]string{"--config", home + "/nowhere.yaml"}, 78, []string{"FAIL  configuration  reading the configuration: open " + home + "/nowhere.yaml: no such file…"}},
		{nil, 0, []string{"warn  configuration  there is no configuration: only the machine is looked at", "                     do: name one with --config FILE…"}},
	} {
		p := command(t, home, append([]string{"doctor"}, c.args...)...).start()
		if code := p.wait(patience); code != c.code {
			t.Errorf("doctor %q: exit code %d", c.args, code)
		}
		lines := strings.Split(p.stdout.String(), "\n")
		for _, want := range c.want {
			start, open := strings.CutSuffix(want, "…")
			i := slices.IndexFunc(lines, func(line string) bool { return line == want || open && strings.HasPrefix(line, start) })
			if i < 0 {
				t.Errorf("doctor %q: no line %q in\n%s", c.args, want, p.stdout.String())
				continue
			}
			lines = lines[i:]
		}
		if last := lines[len(lines)-2]; !strings.Contains(last, " skipped") {
			t.Errorf("doctor %q ends with %q", c.args, last)
		}
	}
	if entries, err := os.ReadDir(home); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// programs are the paths of what is run.
type programs struct {
	agentPath, mosquittoPath, pubPath string
}

// Debian's own Python: another one would not see Debian's paho.
const (
	python     = "/usr/bin/python3"
	scriptPath = "bench/script.py"
)

// findPrograms says of everything that is missing how to get it.
func findPrograms(ctx context.Context, agent string) (p programs, err error) {
	var errs [4]error
	p.agentPath = agent
	if _, err := os.Stat(agent); err != nil {
		errs[0] = fmt.Errorf("there is no agent to measure, run `make build`: %w", err)
	}
	p.mosquittoPath, errs[1] = find("mosquitto", "mosquitto")
	p.pubPath, errs[2] = find("mosquitto_pub", "mosquitto-clients")
	if err := exec.CommandContext(ctx, python, "-c", "import paho.mqtt.client").Run(); err != nil {
		errs[3] = fmt.Errorf("%s has no paho: apt-get install python3-paho-mqtt", python)
	}
	return p, errors.Join(errs[:]...)
}

// find looks in PATH and where Debian keeps daemons.
func find(name, debianPackage string) (string, error) {
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no %s: apt-get install %s", name, debianPackage)
}

// size measures what has to be downloaded.
func (b *bench) size(context.Context) ([]row, error) {
	info, err := os.Stat(b.agentPath)
	if err != nil {
		return nil, err
	}
	return []row{{what: "binary, MB", digits: 1, agent: float64(info.Size()) / 1e6, script: none, pub: none, goal: atMost(12, "MB")}}, nil
}

// machine describes what the figures were measured on.
func machine() string {
	load, _ := os.ReadFile("/proc/loadavg")
	one, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("%s, %d cores, load %s before the first measurement", runtime.GOARCH, runtime.NumCPU(), one)
}

// Where everything publishes its readings and hears commands.
const (
	valueTopic    = "iot/sensor/value"
	intervalTopic = "iot/topic/interval"
)

// A contender starts something that publishes readings.
type contender func(ctx context.Context, port int, interval time.Duration, qos int) (*process, error)

// agentConfig has every part of the agent on, for its memory to be counted.
const agentConfig = `device: bench
mqtt: {brokers: ["tcp://%s"]}
streams: [{name: main, topic: %s, interval: %v, qos: %d}]
sensors: [{driver: simulated}]
control: {topic: %s, min: 1ms, remember: false}
outbox: {dir: %q, drain: 0}
web: {listen: "%s"}
`

// agent starts sensor-agent with a new outbox.
func (b *bench) agent(ctx context.Context, port int, interval time.Duration, qos int) (*process, error) {
	dir, err := os.MkdirTemp(b.dir, "agent-")
	if err != nil {
		return nil, err
	}
	web, err := freePort()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "config.yaml")
	text := fmt.Appendf(nil, agentConfig, loopback(port), valueTopic, interval, qos, intervalTopic, dir, loopback(web))
	if err := os.WriteFile(config, text, 0o600); err != nil {
		return nil, err
	}
	return start(ctx, nil, b.log, b.agentPath, "run", "--config", config)
}

// script starts the plain Python loop.
func (b *bench) script(ctx context.Context, port int, interval time.Duration, qos int) (*process, error) {
	return start(ctx, nil, b.log, python, scriptPath,
		strconv.Itoa(port), fmt.Sprint(interval.Seconds()), strconv.Itoa(qos))
}

// payload is as long as the messages of the agent and the script.
const payload = `{"timestamp":"2026-11-21T18:30:00.123Z","device":"bench","light":414,"temp":21.53,"humi":45.2,"pressure":1013.25,"gas":12917,"seq":10000}`

// pub starts mosquitto_pub, which publishes one message.
func (b *bench) pub(ctx context.Context, port int, _ time.Duration, qos int) (*process, error) {
	return start(ctx, nil, b.log, b.pubPath, "-p", strconv.Itoa(port), "-t", valueTopic, "-q", strconv.Itoa(qos), "-m", payload)
}

// pubLines starts mosquitto_pub, which publishes all messages of a flood.
func (b *bench) pubLines(ctx context.Context, port int, _ time.Duration, qos int) (*process, error) {
	path := filepath.Join(b.dir, "lines")
	if err := os.WriteFile(path, []byte(strings.Repeat(payload+"\n", b.flooded)), 0o600); err != nil {
		return nil, err
	}
	lines, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer lines.Close() // the child has its own
	return start(ctx, lines, b.log, b.pubPath, "-p", strconv.Itoa(port), "-t", valueTopic, "-q", strconv.Itoa(qos), "-l")
}

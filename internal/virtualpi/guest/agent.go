//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sensor-agent/internal/broker"
	"sensor-agent/publisher"
)

const (
	agentPath = "/sensor-agent"
	logPath   = "/tmp/agent.log"
	runConfig = "/tmp/run.yaml"
)

// An agent is `sensor-agent run`, with weather that changes.
type agent struct {
	cmd   *exec.Cmd
	ended chan error
	calm  context.CancelFunc // ends the weather
}

// start starts the agent, the weather and a broker, which stays, and waits for
// a message of each stream.
func (p *pi) start(ctx context.Context) error {
	b, err := broker.Start(1883)
	if err != nil {
		return err
	}
	u, err := url.Parse(b.URL())
	if err != nil {
		return err
	}
	conn, err := publisher.Connect(ctx, u, publisher.Login{ClientID: "ledger"})
	if err != nil {
		return err
	}
	if err := conn.Subscribe(ctx, "pi/+", p.receive); err != nil {
		return err
	}
	if err := os.WriteFile(runConfig, []byte(config(p.sensors...)), 0o600); err != nil {
		return err
	}
	log, err := os.Create(logPath)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, agentPath, "run", "--config", runConfig)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	weather, calm := context.WithCancel(ctx)
	p.agent = &agent{cmd: cmd, ended: make(chan error, 1), calm: calm}
	go func() { p.agent.ended <- cmd.Wait() }()
	go p.weather(weather)
	begin := time.Now()
	return within(10*time.Second, "a message of each stream", func() bool {
		for _, s := range p.sensors {
			if _, ok := p.next(s.name, begin); !ok {
				return false
			}
		}
		return true
	})
}

// stop ends the agent as systemd does.
func (a *agent) stop() error {
	a.calm()
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-a.ended:
		return err
	case <-time.After(10 * time.Second):
		return fmt.Errorf("still there 10 s after SIGTERM")
	}
}

// A footprint is what a process holds.
type footprint struct {
	memory               int // proportional set size, KiB
	threads, descriptors int
}

func (f footprint) String() string {
	return fmt.Sprintf("%d KiB, %d threads, %d descriptors", f.memory, f.threads, f.descriptors)
}

func (a *agent) footprint() (f footprint, err error) {
	proc := fmt.Sprintf("/proc/%d/", a.cmd.Process.Pid)
	if f.memory, err = field(proc+"smaps_rollup", "Pss:"); err != nil {
		return f, err
	}
	if f.threads, err = field(proc+"status", "Threads:"); err != nil {
		return f, err
	}
	list, err := os.ReadDir(proc + "fd")
	f.descriptors = len(list)
	return f, err
}

// field returns the number behind a name in a file of /proc.
func field(path, name string) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			return strconv.Atoi(f[1])
		}
	}
	return 0, fmt.Errorf("no %s in %s", name, path)
}

// command runs a subcommand of the agent to its end and returns what it says,
// and its exit code.
func command(args ...string) (stdout, stderr string, code int) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, agentPath, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		fmt.Fprintln(&errs, err)
		return "", errs.String(), -1
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// readOnce returns the message that `sensor-agent read` prints.
func readOnce(config string) (map[string]json.RawMessage, error) {
	stdout, stderr, code := command("read", "--config", config)
	if code != 0 {
		return nil, fmt.Errorf("read ended with %d: %s%s", code, stdout, stderr)
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(stdout), &m); err != nil {
		return nil, fmt.Errorf("%w: %s", err, stdout)
	}
	return m, nil
}

// printLog prints what the agent has logged since an instant.
func printLog(since time.Time) {
	b, _ := os.ReadFile(logPath)
	for line := range strings.Lines(string(b)) {
		text, ok := strings.CutPrefix(line, "time=")
		stamp, text, _ := strings.Cut(text, " ")
		if at, err := time.Parse(time.RFC3339Nano, stamp); ok && err == nil && !at.Before(since.Truncate(time.Millisecond)) {
			fmt.Printf("  %6.3f s %s", at.Sub(since).Seconds(), text)
		}
	}
}

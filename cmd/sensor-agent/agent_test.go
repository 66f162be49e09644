// These tests build the program and use it as a person would: with files,
// flags and signals, against a real mosquitto where a broker is needed. What
// they expect is written out, not taken from the program's own types, so that a
// renamed key is noticed.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const testVersion = "v1.2.3-test"

// program is the path of the built program; raceDetector tells whether it was
// built with the race detector, as it is when the tests are.
var (
	program      string
	raceDetector bool
)

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sensor-agent-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "sensor-agent")
	args := []string{"build", "-ldflags", "-X main.version=" + testVersion, "-o", program}
	if info, ok := debug.ReadBuildInfo(); ok {
		raceDetector = slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
	}
	if raceDetector {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, ".")...)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		return 1
	}
	// The tests wait most of the time, so more may run at once than there are
	// processors, unless the command line says otherwise.
	if err := flag.Set("test.parallel", "8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// output collects what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// lines returns the complete lines with a text in them.
func (o *output) lines(with string) []string {
	var found []string
	for line := range strings.Lines(o.String()) {
		if strings.HasSuffix(line, "\n") && strings.Contains(line, with) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// process is a run of the program.
type process struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr output
	ended          chan struct{}
}

// command prepares a run of the program on a machine of its own: nothing of
// this one's environment or files is seen. home is the machine's home folder.
func command(t *testing.T, home string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(program, args...), ended: make(chan struct{})}
	p.cmd.Dir = home
	p.cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=10"}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	return p
}

// start starts the process, which is killed when the test ends.
func (p *process) start() *process {
	p.t.Helper()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait()
	}()
	p.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if text := p.stderr.String(); p.t.Failed() && text != "" || strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic:") {
			p.t.Errorf("standard error of %s:\n%s", p.cmd, tail(text))
		}
	})
	return p
}

func tail(s string) string {
	const most = 6000
	if len(s) > most {
		return "…" + s[len(s)-most:]
	}
	return s
}

// wait waits for the end of the process and returns its exit code.
func (p *process) wait(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		p.t.Fatalf("%s has not ended within %v", p.cmd, within)
		return 0
	}
}

// stop sends a signal and expects the process to end well.
func (p *process) stop(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
	if code := p.wait(patience); code != 0 {
		p.t.Errorf("exit code %d after %v", code, s)
	}
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	p.t.Helper()
	_ = p.cmd.Process.Kill()
	p.wait(patience)
}

// alive fails the test if the process has ended.
func (p *process) alive() {
	p.t.Helper()
	select {
	case <-p.ended:
		p.t.Errorf("%s has ended: %v", p.cmd, p.cmd.ProcessState)
	default:
	}
}

// logs waits for a line of the log with all the given texts.
func (p *process) logs(texts ...string) string {
	p.t.Helper()
	var found string
	until(p.t, fmt.Sprintf("the log has %q", texts), func() bool {
		for _, line := range p.stderr.lines(texts[0]) {
			if !slices.ContainsFunc(texts, func(s string) bool { return !strings.Contains(line, s) }) {
				found = line
				return true
			}
		}
		return false
	})
	return found
}

// invoke runs the program to its end.
func invoke(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	p := command(t, t.TempDir(), args...).start()
	code = p.wait(patience)
	return p.stdout.String(), p.stderr.String(), code
}

// startAgent starts an agent whose configuration is the given text beside a
// device name, and whose log has a line for each message.
func startAgent(t *testing.T, home, broker, config string) *process {
	t.Helper()
	path := write(t, home, "config.yaml", "device: greenhouse\nclock: always\n"+config)
	return command(t, home, "run", "--config", path, "--broker", broker, "--log-level", "debug").start()
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// patience is how long a test waits for what must happen on a busy machine.
const patience = time.Minute

func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

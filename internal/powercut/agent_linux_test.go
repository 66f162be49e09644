package powercut

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// An agent is a running process of the real program, and what its log tells.
type agent struct {
	cmd *exec.Cmd
	end chan struct{} // closed when the log has been read to its end

	mu     sync.Mutex
	epoch  uint64      // 0 until it has begun
	queued []time.Time // when the log told of each reading, by seq from 1
	warned []string
	faults []string // what must not be
}

// startAgent starts an agent; its flushes do nothing if it is unsynced. Each
// agent has to be killed.
func startAgent(t *testing.T, config string, unsynced bool) *agent {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{program, "run", "--config", path}
	env := os.Environ()
	if unsynced {
		args = append([]string{"/proc/self/exe"}, args...)
		env = append(env, envRole+"="+roleUnsynced)
	}
	a := &agent{cmd: exec.Command(args[0], args[1:]...), end: make(chan struct{})}
	a.cmd.Env = env
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := a.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(a.end)
		a.follow(log)
	}()
	return a
}

// follow reads the log.
func (a *agent) follow(log io.Reader) {
	in := bufio.NewScanner(log)
	for in.Scan() {
		var line struct {
			Time       time.Time
			Level, Msg string
			Epoch, Seq uint64
		}
		err := json.Unmarshal(in.Bytes(), &line)
		a.mu.Lock()
		switch {
		case err != nil: // of a panic, or cut off by the kill
			a.warned = append(a.warned, in.Text())
		case strings.HasPrefix(line.Msg, "sensor-agent "): // and its version
			a.epoch = line.Epoch
		case line.Msg == "queued":
			a.queued = append(a.queued, line.Time)
			if n := len(a.queued); line.Seq != uint64(n) {
				a.faults = append(a.faults, fmt.Sprintf("reading %d has seq %d", n, line.Seq))
			}
		case line.Level == "ERROR":
			a.faults = append(a.faults, in.Text())
		case line.Level == "WARN":
			a.warned = append(a.warned, in.Text())
		}
		a.mu.Unlock()
	}
}

// kill ends the agent with SIGKILL, if that has not been done, and waits for
// it and for the end of its log. To have ended by itself is an error.
func (a *agent) kill() error {
	if a.cmd.ProcessState != nil {
		return nil
	}
	_ = a.cmd.Process.Kill()
	<-a.end
	err := a.cmd.Wait()
	if a.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return nil
	}
	return fmt.Errorf("the agent had ended by itself: %w\n%s", err, a.text())
}

// age is for how long there have been readings.
func (a *agent) age() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queued) == 0 {
		return 0
	}
	return time.Since(a.queued[0])
}

// text is what the log has beside information.
func (a *agent) text() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(append(a.faults, a.warned...), "\n")
}

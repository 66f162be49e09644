package powercut

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// build builds the agent.
func build(t testing.TB) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "sensor-agent")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../cmd/sensor-agent").CombinedOutput()
	if err != nil {
		t.Fatalf("building the agent: %v\n%s", err, out)
	}
	return program
}

// An agent is a running process of the real program.
type agent struct {
	cmd    *exec.Cmd
	logged chan struct{} // closed when the log has been read to its end

	mu     sync.Mutex
	epoch  uint64      // 0 until a reading is queued
	queued []time.Time // when the log told of each reading, by seq from 1
	said   []string    // what else of the log is more than information
	failed []string    // what must not be
}

// start starts an agent. unsynced makes the kernel answer each of its flushes
// with success and do nothing.
func start(t testing.TB, program, config string, unsynced bool) *agent {
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
	a := &agent{cmd: exec.Command(args[0], args[1:]...), logged: make(chan struct{})}
	a.cmd.Env = env
	a.cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	log, err := a.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(a.logged)
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
		case err != nil: // a panic, or cut off by the kill
			a.said = append(a.said, in.Text())
		case line.Msg == "queued":
			a.epoch = line.Epoch
			a.queued = append(a.queued, line.Time)
			if n := uint64(len(a.queued)); line.Seq != n {
				a.failed = append(a.failed, fmt.Sprintf("reading %d is number %d", n, line.Seq))
			}
		case line.Level == "ERROR":
			a.failed = append(a.failed, in.Text())
		case line.Level == "WARN":
			a.said = append(a.said, in.Text())
		}
		a.mu.Unlock()
	}
}

// kill ends the agent with SIGKILL and waits until it and its log are at their
// end. It returns an error if the agent had ended by itself.
func (a *agent) kill() error {
	if a.cmd.ProcessState != nil {
		return nil
	}
	_ = a.cmd.Process.Kill()
	<-a.logged
	err := a.cmd.Wait()
	if state := a.cmd.ProcessState.Sys().(syscall.WaitStatus); state.Signal() == syscall.SIGKILL {
		return nil
	}
	return fmt.Errorf("the agent had ended by itself: %w\n%s", err, strings.Join(a.said, "\n"))
}

// text returns what the log says that is more than information.
func (a *agent) text() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(append(a.said, a.failed...), "\n")
}

// unsynced runs a program whose fsync and fdatasync succeed and do nothing. It
// returns only if that is not possible.
func unsynced(args []string) error {
	const success = unix.SECCOMP_RET_ERRNO | 0
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // seccomp_data.nr
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FSYNC, Jt: 1},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FDATASYNC, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: success},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread() // the filter is this thread's, and what it executes has it
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	return os.NewSyscallError("exec", unix.Exec(args[0], args, os.Environ()))
}

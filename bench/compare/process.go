package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stopTimeout is how long a process may take to end when told to.
const stopTimeout = 3 * time.Second

// process is a program under measurement, or one that serves it.
type process struct {
	cmd     *exec.Cmd
	cancel  context.CancelFunc
	log     string    // file that holds what it wrote
	started time.Time // just before exec
}

// start runs a program that reads from in, which may be nil, and writes its
// output to out. It ends with ctx.
func start(ctx context.Context, in, out *os.File, name string, args ...string) (*process, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, name, args...)
	if in != nil { // else a nil *os.File in an interface, which is not nil
		cmd.Stdin = in
	}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	p := &process{cmd: cmd, cancel: cancel, log: out.Name(), started: time.Now()}
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return p, nil
}

// stop ends the process and waits for its end.
func (p *process) stop() {
	p.cancel()
	_ = p.cmd.Wait() // "signal: terminated" is what was asked for
}

// explain adds the last of what the process wrote to an error.
func (p *process) explain(err error) error {
	text, _ := os.ReadFile(p.log)
	text = bytes.TrimSpace(text[max(0, len(text)-2000):])
	return fmt.Errorf("%s: %w; it said:\n%s", p.cmd.Args, err, text)
}

// cpu returns the user and system time that all threads of the process have
// used so far, those that have ended included, to the nanosecond:
// /proc/PID/stat counts in hundredths of a second. The clock's number is made
// of the process id as clock_getcpuclockid(3) does.
func (p *process) cpu() (time.Duration, error) {
	const sched = 2 // all of the process, as the scheduler counts
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^p.cmd.Process.Pid<<3|sched), &t); err != nil {
		return 0, fmt.Errorf("reading the CPU time of %s: %w", p.cmd.Path, err)
	}
	return time.Duration(t.Nano()), nil
}

// memory is what a process has in memory, in bytes, with pages it shares with
// others divided among them.
type memory struct {
	pss   int64 // all of it
	dirty int64 // without what the kernel can drop and read again from a file
}

// memory reads smaps_rollup (proc(5)), which tells both since Linux 6.0.
func (p *process) memory() (m memory, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p.cmd.Process.Pid))
	if err != nil {
		return m, err
	}
	for name, amount := range map[string]*int64{"Pss": &m.pss, "Pss_Dirty": &m.dirty} {
		_, rest, found := strings.Cut(string(text), "\n"+name+":")
		if _, err := fmt.Sscanf(rest, "%d kB", amount); !found || err != nil {
			return m, fmt.Errorf("no %s in smaps_rollup of %s", name, p.cmd.Path)
		}
		*amount <<= 10
	}
	return m, nil
}

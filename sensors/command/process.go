package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

const (
	// grace is between SIGTERM, by which a program can tidy up, and SIGKILL.
	// A stream waits half a second longer than a reading may take, so a reading
	// that is late can still say why.
	grace = 300 * time.Millisecond
	// death is how long a killed process may take to be gone, on a Pi that swaps.
	death = 5 * time.Second
)

var errImmortal = errors.New("the program does not end, although it was killed: it hangs in the kernel, perhaps on a device or a disk that does not answer; `dmesg` may say which")

// inherited is what a program is given of the agent's environment: what it
// needs to find others and to know its language and time. The rest can hold
// the password for the broker, or the way to it.
var inherited = []string{"PATH", "HOME", "LANG", "LC_ALL", "TZ"}

// A process is one run of a program.
type process struct {
	stdout newest
	stderr tail
	cancel context.CancelFunc
	done   chan struct{} // closed when it has ended and been waited for
	err    error         // why it failed, of the program; to be read after done
}

// start starts a program. That it cannot be started is an end like others.
func start(argv []string) *process {
	ctx, cancel := context.WithCancel(context.Background()) // it ends by end
	p := &process{cancel: cancel, done: make(chan struct{})}
	p.stdout.first = make(chan struct{})
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = environment()
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return signal(cmd.Process, syscall.SIGTERM) }
	cmd.WaitDelay = grace // from there to SIGKILL
	go p.run(ctx, cmd)
	return p
}

// run is the life of the process. It holds on to its thread, since Linux kills
// the process with the thread that started it, and Go may end a thread that
// another goroutine has taken for itself.
func (p *process) run(ctx context.Context, cmd *exec.Cmd) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	defer p.cancel()
	p.err = p.execute(ctx, cmd)
	if cmd.Process == nil {
		return
	}
	// What is left of the group. It keeps its number as long as it has members;
	// without any, that is the number the kernel will use again last.
	_ = signal(cmd.Process, syscall.SIGKILL)
	p.stdout.end()
}

// execute runs the program to its end and takes what it prints.
func (p *process) execute(ctx context.Context, cmd *exec.Cmd) error {
	var pipes []*pipe
	defer func() {
		// What the program has left behind may hold the pipes open for ever.
		by := time.Now()
		if ctx.Err() == nil {
			by = by.Add(grace)
		}
		for _, pipe := range pipes {
			pipe.finish(by)
		}
	}()
	for _, to := range []io.Writer{&p.stdout, &p.stderr} {
		pipe, err := newPipe(to)
		if err != nil {
			return fmt.Errorf("the program cannot be started: %w", err)
		}
		pipes = append(pipes, pipe)
	}
	cmd.Stdout, cmd.Stderr = pipes[0].write, pipes[1].write
	err := cmd.Start()
	for _, pipe := range pipes {
		_ = pipe.write.Close() // the program has its own
	}
	if err != nil {
		return fmt.Errorf("the program cannot be started: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("the program failed: %w", err)
	}
	return nil
}

// signal signals a process and all it has started, but for what has made a
// group of its own.
func signal(leader *os.Process, s syscall.Signal) error {
	err := syscall.Kill(-leader.Pid, s)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// ended reports whether the process has ended.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// await waits for an event, or the end of the process. If neither comes in
// time, it ends the process and returns late; if ctx ends, its error.
func (p *process) await(ctx context.Context, event <-chan struct{}, timeout time.Duration, late error) error {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	var reason error
	select {
	case <-event:
		return nil
	case <-p.done:
		return nil
	case <-timer.C:
		reason = p.told(late)
	case <-ctx.Done():
		reason = fmt.Errorf("interrupted while waiting for the program: %w", ctx.Err())
	}
	if err := p.end(); err != nil {
		return err
	}
	return reason
}

// end ends the process, first asking it to, and waits for that.
func (p *process) end() error {
	p.cancel()
	select {
	case <-p.done:
		return nil
	case <-time.After(grace + death):
		return errImmortal
	}
}

// told adds to an error what the program last said about it.
func (p *process) told(err error) error {
	if said := p.stderr.String(); said != "" {
		return fmt.Errorf("%w (%s)", err, said)
	}
	return err
}

func environment() []string {
	env := make([]string, 0, len(inherited)) // never nil, which would stand for all
	for _, name := range inherited {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

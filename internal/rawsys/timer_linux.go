package rawsys

import (
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Timer wakes a goroutine at a time, to the precision of the kernel's clock.
//
// It is a timerfd (timerfd_create(2)) in the runtime's poller. The runtime
// rounds its own timers up to whole milliseconds before it sleeps in epoll, so
// a time.Ticker stands half a millisecond off its grid and drops ticks at
// 1 kHz; a descriptor wakes it when it is due.
type Timer struct {
	file *os.File
	fd   uintptr
	raw  syscall.RawConn
	step func(fd uintptr) bool

	until time.Time // of the Wait that runs
	armed bool

	mu          sync.Mutex
	interrupted bool // since the last Wait ended, so that none is lost between two
}

// NewTimer makes a timer.
func NewTimer() (*Timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	t := &Timer{file: os.NewFile(uintptr(fd), "timerfd"), fd: uintptr(fd)}
	if t.raw, err = t.file.SyscallConn(); err != nil {
		_ = t.file.Close()
		return nil, err
	}
	t.step = t.arm
	return t, nil
}

// Wait returns when the time is reached, or when Interrupt is called or has
// been since the last Wait, or the timer is closed. It is for one goroutine.
func (t *Timer) Wait(until time.Time) {
	t.until, t.armed = until, false
	_ = t.raw.Read(t.step)
	t.mu.Lock()
	t.interrupted = false
	t.mu.Unlock()
}

// arm is called by the poller when it is ready to wait, and again when the
// timer has expired. The poller waits for edges, and each expiry of a timer
// that was set anew is one, so the timer needs not even be read.
func (t *Timer) arm(uintptr) bool {
	if t.armed {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.interrupted {
		t.armed = true
		t.set(time.Until(t.until))
	}
	return t.interrupted
}

// Interrupt ends the Wait that runs, or the next. It may be called by any
// goroutine.
func (t *Timer) Interrupt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.interrupted = true
	t.set(0)
}

// set has the timer expire once, after d; at once if d is not above zero.
func (t *Timer) set(d time.Duration) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(1, int64(d)))} // zero would disarm it
	// It fails only for arguments that are not a timerfd or a time.
	_, _, _ = syscall.RawSyscall6(unix.SYS_TIMERFD_SETTIME, t.fd, 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}

// Close frees the descriptor and ends a Wait.
func (t *Timer) Close() { _ = t.file.Close() }

package sampler

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// kernelTimer is a timerfd read through the runtime's poller. The runtime
// rounds its own timers up to whole milliseconds before it sleeps in epoll, so
// a time.Ticker stands half a millisecond off its grid and drops ticks at
// 1 kHz; a timerfd is a descriptor like any other and wakes the poller when
// the kernel's high-resolution clock says so (timerfd_create(2)).
type kernelTimer struct {
	file    *os.File
	fd      int
	expired [8]byte // what a timerfd read returns; a field so that it is not allocated

	mu          sync.Mutex
	interrupted bool // since the last wait ended, so that none is lost between two waits
}

func newTimer() (timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timerfd_create: %w", err)
	}
	return &kernelTimer{file: os.NewFile(uintptr(fd), "timerfd"), fd: fd}, nil
}

// set arms the timer to fire once after d. Zero would disarm it, so what is
// due already fires after a nanosecond.
func (k *kernelTimer) set(d time.Duration) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(1, int64(d)))}
	// The call fails only for arguments that are not a timerfd or a time.
	_ = unix.TimerfdSettime(k.fd, 0, &spec, nil)
}

func (k *kernelTimer) wait(t time.Time) {
	k.mu.Lock()
	if k.interrupted {
		k.interrupted = false
		k.mu.Unlock()
		return
	}
	k.set(time.Until(t))
	k.mu.Unlock()

	_, _ = k.file.Read(k.expired[:])

	k.mu.Lock()
	k.interrupted = false
	k.mu.Unlock()
}

func (k *kernelTimer) interrupt() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.interrupted = true
	k.set(0)
}

func (k *kernelTimer) close() { _ = k.file.Close() }

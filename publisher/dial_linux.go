package publisher

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// setUserTimeout makes the kernel give up on data that is not acknowledged for
// 15 s instead of its usual quarter of an hour (tcp(7), TCP_USER_TIMEOUT).
func setUserTimeout(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		// A kernel without the option still has the session's own watchdog.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 15000)
	})
}

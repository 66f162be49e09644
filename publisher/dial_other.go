//go:build !linux

package publisher

import "syscall"

func setUserTimeout(_, _ string, _ syscall.RawConn) error { return nil }

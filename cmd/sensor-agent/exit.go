package main

import (
	"errors"
	"fmt"
	"io/fs"

	"sensor-agent/publisher"
)

// Exit codes. Those above 60 are of sysexits(3): systemd is told not to start
// the agent again after the ones that would only happen again.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitUnavailable = 69 // a broker or a sensor that was needed is not there
	exitPermission  = 77
	exitConfig      = 78
)

// exitError is an error that knows its exit code. Without an err nothing more
// is said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usageError(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func exitCode(err error) int {
	var e *exitError
	switch {
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, fs.ErrPermission), errors.Is(err, publisher.ErrLogin):
		return exitPermission
	}
	return exitFailure
}

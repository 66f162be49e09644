package main

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// timeout(1) signals the process and then its group: that is one wish, not two.
func TestTwoSignalsAtOnceAreOne(t *testing.T) {
	t.Parallel()
	p := startAgent(t, t.TempDir(), "tcp://127.0.0.1:1", weather)
	p.logs("queued")
	for _, s := range []os.Signal{syscall.SIGSTOP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCONT} { // both come when it goes on
		if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
	}
	if code := p.wait(patience); code != 0 {
		t.Errorf("exit code %d", code)
	}
	p.logs("messages wait in the outbox")
}

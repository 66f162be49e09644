package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A person can look into the outbox while the agent runs, and empty it when it
// does not.
func TestOutboxCommand(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	dir := filepath.Join(home, "outbox")
	p := startAgent(t, home, "tcp://127.0.0.1:1", weather+"streams: [{interval: 24h}]\noutbox: {dir: outbox}\n")
	epoch := p.epoch()
	lastQueued(p, 1)
	look := func(what, says string, code int) {
		t.Helper()
		stdout, stderr, got := invoke(t, "outbox", what, "--dir", dir)
		if got != code || !strings.Contains(stdout+stderr, says) {
			t.Errorf("outbox %s: exit code %d, want %d and %q\n%s%s", what, got, code, says, stdout, stderr)
		}
	}
	look("status", "waiting    2 messages\n", 0) // the start of the epoch, and a reading
	look("status", fmt.Sprintf("epoch      %d, up to seq 1; is running or was cut off\n", epoch), 0)
	look("dump", fmt.Sprintf(`,"epoch":%d,"seq":1`, epoch), 0)
	look("drop", "end that one first", 69)
	p.kill()
	look("drop", "2 messages dropped\n", 0)
	look("status", "waiting    0 messages\n", 0)
	dir = filepath.Join(home, "nowhere")
	look("status", "no outbox in "+dir+"\n", 0)
	look("dump", "no outbox in "+dir+"\n", 0)
}

package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// startDemo overlooks races, since the broker's library has one of its own,
// between a retained message and a new subscriber.
func startDemo(t *testing.T, home string) *process {
	p := command(t, home, "demo")
	p.cmd.Env = append(p.cmd.Env, "GORACE=exitcode=0 log_path="+filepath.Join(t.TempDir(), "race"))
	return p.start()
}

// The demo needs nothing, says where to connect, and ends when told.
func TestDemo(t *testing.T) {
	// Its usual port is held, by whoever it is.
	if l, err := net.Listen("tcp", "127.0.0.1:1883"); err == nil {
		defer l.Close()
	}
	p := startDemo(t, t.TempDir())
	until(t, "three messages are printed", func() bool { return len(p.stdout.lines(valueTopic+" {")) >= 3 })
	text := p.stdout.String()
	if !strings.Contains(text, "Port 1883 is taken, so another is used.") {
		t.Errorf("it does not say that it takes another port:\n%s", text)
	}
	broker := regexp.MustCompile(`tcp://127\.0\.0\.1:\d+`).FindString(text)
	if broker == "" || strings.HasSuffix(broker, ":1883") {
		t.Fatalf("it does not say where to connect:\n%s", text)
	}
	for _, line := range p.stdout.lines(valueTopic + " {") {
		m := decode[message](t, []byte(strings.TrimPrefix(line, valueTopic+" ")))
		if m.Temp == nil || m.Seq == 0 {
			t.Errorf("line %s", line)
		}
	}

	// What it tells people to do works.
	stdout, stderr, code := invoke(t, "interval", "100ms", "--broker", broker)
	if code != 0 || !strings.Contains(stdout, "applied; in force: main 100ms") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	c := connect(t, broker)
	for range 3 {
		c.next(valueTopic)
	}

	p.stop(os.Interrupt)
	for _, trace := range []string{"goroutine ", "panic", ".go:", "sensor-agent: "} {
		if strings.Contains(p.stdout.String()+p.stderr.String(), trace) {
			t.Errorf("it ended with\n%s\n%s", tail(p.stdout.String()), tail(p.stderr.String()))
		}
	}
}

// The demo leaves nothing behind, and ends at once: an agent whose broker had gone
// first would wait five seconds for it. On a machine that is slow, one of several
// demos has to be in time.
func TestDemoEndsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for range 5 {
		home := t.TempDir()
		p := startDemo(t, home)
		until(t, "a message is printed", func() bool { return len(p.stdout.lines(valueTopic+" {")) >= 1 })
		began := time.Now()
		p.stop(os.Interrupt)
		took := time.Since(began)
		entries, err := os.ReadDir(home)
		if err != nil || len(entries) > 0 {
			t.Errorf("left in the home folder: %v, %v", entries, err)
		}
		t.Logf("it took %v to end", took)
		if took < 2*time.Second {
			return
		}
	}
	t.Error("it never ends within two seconds")
}

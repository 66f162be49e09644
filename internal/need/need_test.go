package need

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// verdict is a test that records how it was ended.
type verdict struct {
	testing.TB
	skipped, failed string
}

func (v *verdict) Skipf(format string, args ...any) {
	v.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (v *verdict) Fatalf(format string, args ...any) {
	v.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// judge runs f as a test of its own.
func judge(t *testing.T, f func(testing.TB)) *verdict {
	v := &verdict{TB: t}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f(v)
	}()
	<-ended
	return v
}

func absent(t testing.TB) { Program(t, "no-such-program", "some-package") }

func TestMissingProgramSkipsAndIsNoted(t *testing.T) {
	leftOut := filepath.Join(t.TempDir(), "left-out")
	t.Setenv(envRequire, "")
	t.Setenv(envLeftOut, leftOut)

	for range 2 {
		v := judge(t, absent)
		if v.failed != "" || !strings.Contains(v.skipped, "apt-get install some-package") {
			t.Fatalf("skipped with %q, failed with %q; want a skip that names the package", v.skipped, v.failed)
		}
	}
	noted, err := os.ReadFile(leftOut)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(noted), "some-package\nsome-package\n"; got != want {
		t.Errorf("left out: %q, want %q", got, want)
	}
}

func TestMissingProgramFailsWhenRequired(t *testing.T) {
	t.Setenv(envRequire, "all")
	for name, f := range map[string]func(testing.TB){
		"program": absent,
		"module":  func(t testing.TB) { PythonModule(t, "no_such_module", "some-package") },
	} {
		v := judge(t, f)
		if v.skipped != "" || !strings.Contains(v.failed, "apt-get install some-package") {
			t.Errorf("%s: skipped with %q, failed with %q; want a failure that names the package", name, v.skipped, v.failed)
		}
	}
}

func TestProgramIsFound(t *testing.T) {
	dir := t.TempDir()
	daemon := filepath.Join(dir, "some-daemon")
	if err := os.WriteFile(daemon, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	if got := Program(t, "some-daemon", "some-package"); got != daemon {
		t.Errorf("found %q, want %q", got, daemon)
	}
}

// A port that one test has been given, no other test is given, though nobody
// listens there.
func TestPortIsTaken(t *testing.T) {
	addr := Addr(t)
	if l, err := net.ListenPacket("udp", addr); err == nil {
		l.Close()
		t.Errorf("another test would be given %s as well", addr)
	}
	for range 2 { // it is there for the test, again and again
		l, err := Listen(addr)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}

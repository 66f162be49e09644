// Package need says what a test needs from the machine beside Go.
//
// A test against a real broker or an emulated processor calls [Program] first. Where the program is
// missing the test is skipped, so that `go test ./...` passes on a machine with nothing but Go
// installed, and `make test` tells in one line what was left out and how to get it. Where a skip would
// hide a fault, as in CI, SENSOR_AGENT_TEST_REQUIRE=all turns every such skip into a failure.
//
// Tests that can do their work in memory do not belong here.
package need

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const (
	// envRequire, when not empty, makes a missing program a failure.
	envRequire = "SENSOR_AGENT_TEST_REQUIRE"
	// envLeftOut names a file that collects the Debian package each skipped test lacked, one a line.
	// It is read only when something is missing, so that it never disturbs Go's cache of passed tests.
	envLeftOut = "SENSOR_AGENT_TEST_LEFT_OUT"
)

// adminDirs hold daemons such as mosquitto; an ordinary user's PATH leaves them out on Debian.
var adminDirs = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

// Program returns the path of an installed program, looked up in PATH and in the folders for daemons.
// Without it the test is skipped, or fails if SENSOR_AGENT_TEST_REQUIRE is set; debianPackage is what
// the reader is told to install.
func Program(t testing.TB, name, debianPackage string) string {
	t.Helper()
	path, ok := find(name)
	if !ok {
		missing(t, name, debianPackage)
	}
	return path
}

// PythonModule returns the path of a Python 3 that can import module, such as "paho.mqtt.client".
// Both the python3 first in PATH and Debian's own are tried: only the latter sees Debian's modules.
// Without one the test is skipped or fails as for [Program].
func PythonModule(t testing.TB, module, debianPackage string) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		path, ok := find(python)
		if ok && exec.CommandContext(t.Context(), path, "-c", "import "+module).Run() == nil {
			return path
		}
	}
	missing(t, "python3 "+module, debianPackage)
	return ""
}

// Root skips or fails, as for [Program], a test that needs root, such as one that gives a file to another group.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Lacking(t, "needs root")
	}
}

// Lacking skips or fails, as for [Program], a test for which this machine lacks what no package brings.
func Lacking(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv(envRequire) != "" {
		t.Fatalf("%s is set: %s", envRequire, fmt.Sprintf(format, args...))
	}
	t.Skipf(format, args...)
}

func find(name string) (path string, ok bool) {
	if path, err := exec.LookPath(name); err == nil {
		return path, true
	}
	for _, dir := range adminDirs {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, true
		}
	}
	return "", false
}

// missing ends the test: it does not return.
func missing(t testing.TB, name, debianPackage string) {
	t.Helper()
	if os.Getenv(envRequire) != "" {
		t.Fatalf("%s is not installed and %s is set: apt-get install %s", name, envRequire, debianPackage)
	}
	if path := os.Getenv(envLeftOut); path != "" {
		if err := appendLine(path, debianPackage); err != nil {
			t.Errorf("noting what was left out: %v", err)
		}
	}
	t.Skipf("%s is not installed: apt-get install %s", name, debianPackage)
}

// appendLine adds a line in one write, so that the lines of tests running at once never mix.
func appendLine(path, line string) (err error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

package doctor

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"sensor-agent/internal/mosquitto"
	"sensor-agent/publisher"
)

// asNobody makes checks as a user to whom nothing belongs, if the test runs as
// root; else as the user it runs as. What they look at lies below dir.
func asNobody(t *testing.T, dir string, check func() []Finding) (found []Finding) {
	t.Helper()
	if os.Getuid() != 0 {
		return check()
	}
	for up := filepath.Dir(dir); up != os.TempDir() && up != "/"; up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan unix.Errno)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		const nobody = 65534
		var errno unix.Errno
		for _, call := range []uintptr{unix.SYS_SETRESGID, unix.SYS_SETRESUID} { // of this thread alone
			if errno == 0 {
				_, _, errno = unix.RawSyscall(call, nobody, nobody, nobody)
			}
		}
		if errno == 0 {
			found = check()
		}
		done <- errno
	}()
	if errno := <-done; errno != 0 {
		t.Fatal(errno)
	}
	return found
}

// hiddenSightings are of a password that only root can read.
var hiddenSightings = []sighting{
	{"password of the service", func(t *testing.T) []Finding {
		m := mosquitto.Start(t, "allow_anonymous false", "password_file "+mosquitto.PasswordFile(t, "pi", "secret"))
		return asNobody(t, t.TempDir(), func() []Finding {
			_, found := Brokers(t.Context(), []*url.URL{parseURL(t, m.URL())}, publisher.Login{ClientID: "agent", Username: "pi"}, &Unit{Credential: "/etc/credstore/x"})
			return found
		})
	}, Skipped, "login refused", "only root can read the service's password"},
	{"password file of the service", func(t *testing.T) []Finding {
		return asNobody(t, t.TempDir(), func() []Finding { return alone(NoLogin(fs.ErrPermission, &Unit{})) })
	}, Skipped, "only the service may read its password", ""},
}

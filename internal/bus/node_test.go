package bus

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sensor-agent/internal/need"
)

// The errors are as periph makes them: an errno lost in text.
func TestOpenErrors(t *testing.T) {
	n := i2cNode(1)
	for _, c := range []struct {
		errno syscall.Errno
		is    error
		says  string
	}{
		{syscall.ENOENT, fs.ErrNotExist, "open /dev/i2c-1: no such file or directory: enable I2C with `sudo raspi-config nonint do_i2c 0`"},
		{syscall.EACCES, fs.ErrPermission, "open /dev/i2c-1: permission denied: join its group with `sudo usermod -aG i2c "},
		{syscall.EPERM, fs.ErrPermission, "DeviceAllow=/dev/i2c-1 rw"},
		{syscall.EMFILE, syscall.EMFILE, "too many open files"},
	} {
		path := &fs.PathError{Op: "open", Path: n.path, Err: c.errno}
		err := n.openError(fmt.Errorf("sysfs-i2c: are you member of group 'plugdev'? %v", path))
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v became %q", c.errno, err)
		}
	}
	other := errors.New("sysfs-i2c: is not supported on this platform")
	if err := n.openError(other); !errors.Is(err, other) {
		t.Errorf("an error without errno became %v", err)
	}
	if err := errnoOf(errors.New("")); err != 0 {
		t.Errorf("an empty text has errno %v", err)
	}
}

func TestPermissionNamesTheGroupOfTheNode(t *testing.T) {
	need.Root(t) // to give a file to another group
	path := filepath.Join(t.TempDir(), "i2c-1")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n := node{path: path, group: "i2c"}
	for _, c := range []struct {
		gid  int
		mode fs.FileMode
		want string
	}{
		{0, 0o660, "root alone"},
		{1, 0o600, "root alone"},
		{1, 0o660, "usermod -aG daemon "}, // gid 1 is daemon on every Linux
		{54321, 0o660, "usermod -aG i2c "},
	} {
		if err := errors.Join(os.Chown(path, 0, c.gid), os.Chmod(path, c.mode)); err != nil {
			t.Fatal(err)
		}
		if got := n.join(); !strings.Contains(got, c.want) {
			t.Errorf("group %d, mode %o: %s", c.gid, c.mode, got)
		}
	}
}

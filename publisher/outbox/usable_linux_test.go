package outbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"sensor-agent/internal/need"
)

// mount puts a file system of a few pages at a new folder.
func mount(t *testing.T, flags uintptr, options string) string {
	t.Helper()
	need.Root(t)
	dir := t.TempDir()
	if err := unix.Mount("test", dir, "tmpfs", flags, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// below returns what is in the folders down to dir, from that of the test on.
func below(dir string) []string {
	found, _ := filepath.Glob(dir + "/*")
	for ; filepath.Dir(dir) != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		there, _ := filepath.Glob(filepath.Dir(dir) + "/*")
		found = append(found, there...)
	}
	return found
}

// What is said of a directory is what Open says of it.
func TestUsable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		dir  func(t *testing.T) string
		says string // "" if it can be used
	}{
		"there":       {func(t *testing.T) string { return t.TempDir() }, ""},
		"not there":   {func(t *testing.T) string { return filepath.Join(t.TempDir(), "a", "b") }, ""},
		"below files": {func(*testing.T) string { return filepath.Join(file, "outbox") }, "not a directory"},
		"full": {func(t *testing.T) string {
			dir := mount(t, 0, "size=16k")
			if err := os.WriteFile(filepath.Join(dir, "film"), make([]byte, 16<<10), 0o600); err != nil {
				t.Fatal(err)
			}
			return dir
		}, "no space left on device: make room"},
		"read-only": {func(t *testing.T) string { return mount(t, unix.MS_RDONLY, "size=16k") }, "read-only file system: restart the device"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := c.dir(t)
			before := below(dir)
			err := Usable(dir)
			if diff := cmp.Diff(before, below(dir)); diff != "" {
				t.Errorf("left behind: %s", diff)
			}
			q, openErr := Open(dir, Options{MaxSize: small})
			if openErr == nil {
				defer q.Close()
			}
			if c.says == "" {
				if err != nil || openErr != nil {
					t.Errorf("%v; Open: %v", err, openErr)
				}
				return
			}
			if openErr == nil { // it holds records in memory
				openErr = errors.New(q.Stats().Health)
			}
			for _, err := range []error{err, openErr} {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("says %v, want %s", err, c.says)
				}
			}
		})
	}
}

func TestPermissionAndFailingDisk(t *testing.T) {
	for cause, says := range map[error]string{
		fs.ErrPermission: "let the agent's user write to /outbox, or set another outbox.dir",
		unix.EIO:         "the disk is failing",
		unix.EDQUOT:      "make room",
	} {
		if err := openError("/outbox", cause); !errors.Is(err, cause) || !strings.Contains(err.Error(), says) {
			t.Errorf("says %v, want %s", err, says)
		}
	}
}

func TestRoom(t *testing.T) {
	dir := mount(t, 0, "size=1m")
	if err := Room(dir, 1<<20); err != nil {
		t.Error(err)
	}
	segment := filepath.Join(dir, "a")
	if err := os.WriteFile(segment, make([]byte, 256<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Room(dir, 1<<20); err != nil {
		t.Errorf("what the outbox has already: %v", err)
	}
	if err := Room(filepath.Join(dir, "outbox"), 1<<20); err == nil || !strings.Contains(err.Error(), "has 0 MiB free, and the outbox may take 1 MiB more: make room there (`df -h "+dir+"`)") {
		t.Errorf("what others have: %v", err)
	}
	if err := Room(dir, 0); err == nil || !strings.Contains(err.Error(), "may take 64 MiB more") {
		t.Errorf("for the default size: %v", err)
	}
}

func TestOwner(t *testing.T) {
	dir := t.TempDir()
	for _, when := range []string{"never used", "closed"} {
		if pid, ok, err := Owner(dir); ok || err != nil {
			t.Errorf("%s: process %d, error %v", when, pid, err)
		}
		q, err := Open(dir, Options{MaxSize: small})
		if err != nil {
			t.Fatal(err)
		}
		if pid, ok, err := Owner(dir); !ok || pid != os.Getpid() || err != nil {
			t.Errorf("open: process %d, %v, error %v", pid, ok, err)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

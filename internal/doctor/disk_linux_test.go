package doctor

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"sensor-agent/internal/need"
)

// diskSightings are those of disks that only root can make.
var diskSightings = []sighting{
	{"full", disk(func(t *testing.T) string {
		dir := mount(t, 0)
		if err := os.WriteFile(filepath.Join(dir, "film"), make([]byte, 64<<10), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}, 1<<20), Failed, ": no space left on device", "make room there (`df -h "},
	{"read-only", disk(func(t *testing.T) string { return mount(t, unix.MS_RDONLY) }, 1<<20), Failed, "/lock: read-only file system", "mounted read-only again is failing"},
	{"of another user", func(t *testing.T) []Finding {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		return asNobody(t, dir, func() []Finding { return alone(Disk(dir, 1<<20, nil)) })
	}, Failed, "/lock: permission denied", "let the agent's user write to"},
	{"of the service's user", func(t *testing.T) []Finding {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		return asNobody(t, dir, func() []Finding { return alone(Disk(dir, 1<<20, &Unit{})) })
	}, Skipped, "run this as root, with sudo", ""},
}

// mount puts a file system of 64 KiB at a new folder.
func mount(t *testing.T, flags uintptr) string {
	t.Helper()
	need.Root(t)
	dir := t.TempDir()
	if err := unix.Mount("test", dir, "tmpfs", flags, "size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// A process that another test is just starting may have what was open on it.
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

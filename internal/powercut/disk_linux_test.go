package powercut

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sensor-agent/internal/need"
)

// diskSize has room for ext4 with blocks of 4 KiB, its journal and an outbox.
const diskSize = 32 << 20

// format returns the image of an empty disk with ext4, as mkfs.ext4 makes it but
// for what it would leave to the kernel to initialize later: that would count
// as wear.
func format(t *testing.T) []byte {
	t.Helper()
	mkfs := need.Program(t, "mkfs.ext4", "e2fsprogs")
	path := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, make([]byte, diskSize), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), mkfs, "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0", path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", cmd, err, out)
	}
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// mount mounts the ext4 on d and returns where, and how it is unmounted. Between
// them are a FUSE file and a loop device, which pass writes and flushes on as
// they come.
func mount(t *testing.T, d *device) (dir string, unmount func()) {
	t.Helper()
	base := t.TempDir()
	file := filepath.Join(base, "disk")
	dir = filepath.Join(base, "mnt")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	stop, err := serve(d, file)
	if err != nil {
		t.Fatal(err)
	}
	if err := mountLoop(file, dir); err != nil {
		t.Fatal(errors.Join(err, stop()))
	}
	return dir, func() {
		var err error
		// A child that another test is about to start has our files open until
		// its exec.
		if !eventually(10*time.Second, func() bool { err = unix.Unmount(dir, 0); return err == nil }) {
			t.Errorf("unmounting ext4: %v", err)
			unix.Unmount(dir, unix.MNT_DETACH)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}

// mountLoop mounts the ext4 in a FUSE file that is served by this process.
func mountLoop(file, dir string) error {
	// A child must not inherit what is opened here: it would close it before
	// its exec, the kernel would ask our server about that, and the server may
	// not get to run before the exec.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	loop, err := attach(file)
	if err != nil {
		return fmt.Errorf("attaching a loop device: %w", err)
	}
	defer loop.Close()
	if err := unix.Mount(loop.Name(), dir, "ext4", 0, ""); err != nil {
		return fmt.Errorf("mounting ext4: %w", err)
	}
	return nil
}

// attach returns a loop device for a file. It detaches itself when nobody uses
// it any more.
func attach(path string) (*os.File, error) {
	// Not with os.OpenFile, which asks the kernel whether the file can be polled,
	// in a way that keeps the Go runtime waiting; the kernel asks our server.
	file, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	defer unix.Close(file)
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	for range 100 {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, os.NewSyscallError("LOOP_CTL_GET_FREE", err)
		}
		loop, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		c := unix.LoopConfig{Fd: uint32(file), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}}
		if err = unix.IoctlLoopConfigure(int(loop.Fd()), &c); err == nil {
			return loop, nil
		}
		loop.Close()
		if !errors.Is(err, unix.EBUSY) {
			return nil, os.NewSyscallError("LOOP_CONFIGURE", err)
		}
		time.Sleep(10 * time.Millisecond) // another was faster
	}
	return nil, errors.New("others have taken each free one")
}

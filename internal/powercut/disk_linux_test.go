package powercut

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

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

// A disk is a device with a mounted ext4.
//
// The test itself never touches the files on it, but has a process of its own
// for that (see keepDisk): a process that waits for a file which it serves
// itself can neither go on nor be killed.
type disk struct {
	outbox string // its folder
	held   []id   // the readings waiting in it when it was mounted

	keeper *exec.Cmd
	orders io.WriteCloser
	errors bytes.Buffer
	stop   func() error
}

// mount mounts the ext4 on d. Each disk has to be unmounted.
func mount(t *testing.T, d *device) *disk {
	t.Helper()
	base := t.TempDir()
	file, dir := filepath.Join(base, "disk"), filepath.Join(base, "mnt")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	stop, err := serve(d, file)
	if err != nil {
		t.Fatal(err)
	}
	k := &disk{outbox: filepath.Join(dir, "outbox"), stop: stop, keeper: exec.Command("/proc/self/exe", file, dir)}
	k.keeper.Env = append(os.Environ(), envRole+"="+roleKeeper)
	k.keeper.Stderr = &k.errors
	out, err := k.keeper.StdoutPipe()
	if err == nil {
		k.orders, err = k.keeper.StdinPipe()
	}
	if err == nil {
		err = k.keeper.Start()
	}
	if err != nil {
		t.Fatal(errors.Join(err, stop()))
	}
	if err := json.NewDecoder(out).Decode(&k.held); err != nil {
		k.unmount(t)
		t.Fatalf("the disk cannot be used: %v", err)
	}
	return k
}

// writeBack has the kernel write to the device what it holds of the outbox,
// without any flush.
func (k *disk) writeBack() { io.WriteString(k.orders, "\n") }

// unmount unmounts the disk.
func (k *disk) unmount(t *testing.T) {
	t.Helper()
	k.orders.Close()
	if err := k.keeper.Wait(); err != nil {
		t.Errorf("the keeper of the disk: %v: %s", err, &k.errors)
	}
	if err := k.stop(); err != nil {
		t.Error(err)
	}
}

package powercut

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sensor-agent/publisher/outbox"
)

// keepDisk mounts the ext4 in a file and tells on standard output, as JSON, which
// readings wait in the outbox there. For each line on standard input it has the
// kernel write the outbox back; at the end of that it unmounts.
//
// It must not end before the process that serves the file. The last one in a
// mount namespace unmounts what is left there, and if that is the server, it
// waits for itself: for ever, as even a kill does not end that.
func keepDisk(file, dir string) error {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	if err := mountLoop(file, dir); err != nil {
		return err
	}
	folder := filepath.Join(dir, "outbox")
	held, err := readHeld(folder)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(held)
	}
	for in := bufio.NewScanner(os.Stdin); err == nil && in.Scan(); {
		err = writeBack(folder)
	}
	return errors.Join(err, os.NewSyscallError("umount", unix.Unmount(dir, 0)))
}

// mountLoop mounts the ext4 in a file, by way of a loop device, which passes
// writes and flushes on as they come.
func mountLoop(file, dir string) error {
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
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
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
		c := unix.LoopConfig{Fd: uint32(file.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}}
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

// readHeld returns the readings that wait in an outbox.
func readHeld(dir string) ([]id, error) {
	var held []id
	_, err := outbox.Inspect(dir, func(r outbox.Record, acknowledged bool) {
		if r.Seq > 0 && !acknowledged {
			held = append(held, id{r.Epoch, r.Seq})
		}
	})
	if errors.Is(err, fs.ErrNotExist) { // no agent has been here, or it has left nothing
		return nil, nil
	}
	return held, err
}

// writeBack has the kernel write the files of a folder, without a flush.
func writeBack(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	for _, name := range names {
		f, openErr := os.Open(name)
		if openErr != nil {
			continue // gone by now
		}
		err = errors.Join(err, os.NewSyscallError("sync_file_range", unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE)))
		f.Close()
	}
	return err
}

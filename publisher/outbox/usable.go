package outbox

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"sensor-agent/internal/advice"
)

// Usable reports whether [Open] could use dir: it writes a page there, forces
// it to the disk and removes it, and so with folders that are missing. An agent
// that runs there is not disturbed. The error is as that of Open.
func Usable(dir string) error {
	found := existing(dir)
	defer func() {
		for made := dir; made != found; made = filepath.Dir(made) {
			os.Remove(made)
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return openError(dir, err)
	}
	f, err := os.CreateTemp(dir, ".usable-*")
	if err != nil {
		return openError(dir, at(filepath.Join(dir, lockFile), err)) // where Open would fail
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, page))
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return openError(dir, at(dir, err))
	}
	return nil
}

// at gives an error of a file another path.
func at(path string, err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: failed.Op, Path: path, Err: failed.Err}
	}
	return err
}

// Room reports whether the disk has room for the outbox in dir to grow to
// maxSize bytes (0 is as in [Options]). The error says what to do.
func Room(dir string, maxSize int64) error {
	var s unix.Statfs_t
	if err := unix.Statfs(existing(dir), &s); err != nil {
		return nil // not known, which is no reason to worry
	}
	free, wanted := int64(s.Bavail)*int64(s.Bsize), cmp.Or(maxSize, defaultMaxSize)
	entries, _ := os.ReadDir(dir) // of what is not there yet there are none
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			wanted -= info.Size()
		}
	}
	if free >= wanted {
		return nil
	}
	const mib = 1 << 20
	return advice.To(fmt.Errorf("the disk of %s has %d MiB free, and the outbox may take %d MiB more", dir, free/mib, (wanted+mib-1)/mib), makeRoom(dir))
}

// existing returns dir, or the nearest folder above that there is.
func existing(dir string) string {
	for {
		_, err := os.Stat(dir)
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// Owner returns the process that has the queue in dir open; 0 stands for one
// that is not known. ok is false when there is none. It holds the lock for an
// instant itself, in which an Open would fail.
func Owner(dir string) (pid int, ok bool, err error) {
	f, err := os.Open(filepath.Join(dir, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if err == nil {
		return 0, false, nil
	}
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return 0, false, fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	pid, _ = strconv.Atoi(owner(f)) // 0 if it has not written it yet
	return pid, true, nil
}

// owner reads what the process that locks f has written into it.
func owner(f *os.File) string {
	b := make([]byte, 20)
	n, _ := f.ReadAt(b, 0)
	return strings.TrimSpace(string(b[:n]))
}

func openError(dir string, err error) error {
	return fmt.Errorf("opening outbox: %w", explain(dir, err))
}

// explain adds what to do about the disk that dir is on.
func explain(dir string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return advice.To(err, makeRoom(dir))
	case errors.Is(err, syscall.EROFS):
		return advice.To(err, "restart the device; a card that is mounted read-only again is failing (`dmesg`): replace it")
	case errors.Is(err, syscall.EIO):
		return advice.To(err, "the disk is failing (`dmesg`): replace it")
	case errors.Is(err, syscall.ENOTDIR):
		return advice.To(err, "set another outbox.dir")
	case errors.Is(err, fs.ErrPermission):
		return advice.To(err, fmt.Sprintf("let the agent's user write to %s, or set another outbox.dir", dir))
	}
	return err
}

func makeRoom(dir string) string {
	return fmt.Sprintf("make room there (`df -h %s`), or set a smaller outbox.max_size", existing(dir))
}

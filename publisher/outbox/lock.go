package outbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"sensor-agent/internal/advice"
)

const lockFile = "lock"

// lockDir keeps other processes out of dir until the file is closed. The
// kernel unlocks it when the process ends, however it ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		// For whoever finds it locked. Of fixed width, so that nothing has
		// to be truncated; on a full disk it is missing, which is no harm.
		f.WriteAt(fmt.Appendf(nil, "%-20d\n", os.Getpid()), 0)
		return f, nil
	}
	defer f.Close()
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	by := "another process"
	if pid := owner(f); pid != "" {
		by = "process " + pid
	}
	return nil, advice.To(fmt.Errorf("%w: %s is locked by %s", ErrInUse, dir, by), "end that one first, or set another outbox.dir")
}

package outbox

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// The epoch counter is a file of two lines, each with a checksum, written in
// turn: a torn write leaves the other. Writing in place works on a full disk
// and costs one flush, where a temporary file and a rename would cost four.
const (
	epochFile = "epoch"
	epochLine = "%020d %08x\n"
	epochSize = 30
)

// readEpoch returns the highest epoch that a run has begun in dir, or 0 when
// that is not known.
func readEpoch(dir string) uint64 {
	b, err := os.ReadFile(filepath.Join(dir, epochFile))
	if err != nil {
		return 0
	}
	var highest uint64
	for ; len(b) >= epochSize; b = b[epochSize:] {
		var epoch uint64
		var sum uint32
		if _, err := fmt.Sscanf(string(b[:epochSize]), epochLine, &epoch, &sum); err == nil && sum == epochSum(epoch) {
			highest = max(highest, epoch)
		}
	}
	return highest
}

// writeEpoch makes it durable that a run with this epoch has begun.
func writeEpoch(d disk, dir string, epoch uint64) error {
	f, err := os.OpenFile(filepath.Join(dir, epochFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	line := fmt.Appendf(nil, epochLine, epoch, epochSum(epoch))
	if _, err := d.writeAt(f, line, int64(epoch%2)*epochSize); err != nil {
		return err
	}
	if err := d.sync(f); err != nil || info.Size() > 0 {
		return err
	}
	return d.syncDir(dir) // the file is new
}

func epochSum(epoch uint64) uint32 {
	return checksum(fmt.Appendf(nil, "%020d", epoch))
}

// freshEpoch is the epoch of a run that knows of none before: higher than any
// count of starts, and hardly one that an earlier run can have had, even if
// the clock starts at the same instant at each boot and the directory is empty
// then. It looks like a Unix time in microseconds and fits a JSON number.
func freshEpoch() uint64 {
	return uint64(max(time.Now().Unix(), 0))*1e6 + rand.Uint64N(1e6) + 1
}

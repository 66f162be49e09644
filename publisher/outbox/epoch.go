package outbox

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// The epoch file is two lines, each with a checksum, written in turn: a torn
// write leaves the other. Writing in place works on a full disk and costs one
// flush, where a temporary file and a rename would cost four.
const (
	epochFile = "epoch"
	epochText = "%020d %020d"
	epochLine = epochText + " %08x\n"
	epochSize = 51
)

// A start is what is made durable of a run before it writes anything else.
// Without it a power cut could have a run begin where the one before did.
type start struct {
	epoch uint64
	first Position // a multiple of runLength
}

func (s start) line() []byte {
	text := fmt.Appendf(nil, epochText, s.epoch, s.first)
	return fmt.Appendf(nil, epochLine, s.epoch, s.first, checksum(text))
}

// readStart returns the last start in dir, zero when it is not known.
func readStart(dir string) start {
	b, err := os.ReadFile(filepath.Join(dir, epochFile))
	if err != nil {
		return start{}
	}
	var last start
	for ; len(b) >= epochSize; b = b[epochSize:] {
		var s start
		_, err := fmt.Sscanf(string(b[:epochSize]), epochText, &s.epoch, &s.first)
		if err == nil && string(s.line()) == string(b[:epochSize]) && s.first > last.first {
			last = s
		}
	}
	return last
}

// write makes it durable that a run has begun.
func (s start) write(d disk, dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, epochFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := d.writeAt(f, s.line(), int64(s.first/runLength%2)*epochSize); err != nil {
		return err
	}
	if err := d.sync(f); err != nil || info.Size() > 0 {
		return err
	}
	return d.syncDir(dir) // the file is new
}

// freshEpoch is the epoch of a run that knows of none before: higher than any
// count of starts, and hardly one that an earlier run can have had, even if
// the clock starts at the same instant at each boot and the directory is empty
// then. It looks like a Unix time in microseconds and fits a JSON number.
func freshEpoch() uint64 {
	return uint64(max(time.Now().Unix(), 0))*1e6 + rand.Uint64N(1e6) + 1
}

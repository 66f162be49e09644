package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// A Summary is what Inspect found.
type Summary struct {
	Epoch        uint64 // of the newest run
	LastSeq      uint64 // highest number of that epoch
	Clean        bool   // it was closed in order
	Records      int    // found, with those acknowledged but not yet overwritten
	Held         int    // of them, those waiting
	Damaged      uint64 // records missing for damage: lost, or delivered before
	SkippedBytes int64
	Segments     int // in use
	Spare        int // files not in use
}

// Inspect reads the outbox in dir and hands each record to visit, in order, the
// payload being valid until it returns. It takes no lock and writes nothing, so
// it may look into the outbox of a running agent; what that agent writes
// meanwhile may be seen, missed, or counted as damage. visit may be nil.
func Inspect(dir string, visit func(r Record, acknowledged bool)) (Summary, error) {
	if _, err := os.Stat(dir); err != nil {
		return Summary{}, fmt.Errorf("inspecting outbox: %w", err)
	}
	d := realDisk()
	used, free, led, err := survey(d, dir, os.O_RDONLY)
	if err != nil {
		return Summary{}, fmt.Errorf("inspecting outbox: %w", err)
	}
	for _, seg := range append(used, free...) {
		defer seg.file.Close()
	}
	s := Summary{
		Epoch: led.epoch, LastSeq: led.lastSeq, Clean: led.clean,
		SkippedBytes: led.skipped, Segments: len(used), Spare: len(free),
	}
	_, s.Damaged = led.settle(maxPosition)
	for _, seg := range used {
		for f := range seg.records(d, seg.end) {
			acknowledged := led.acks.has(f.position)
			s.Records++
			if !acknowledged {
				s.Held++
			}
			if visit != nil {
				visit(Record{f.position, f.epoch, f.seq, f.payload}, acknowledged)
			}
		}
	}
	return s, nil
}

// Drop gives up all records in dir and returns how many; the next run tells of
// the readings among them. It fails with [ErrInUse] while an agent runs on it.
func Drop(dir string) (int, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	l, led, err := openLog(dir, Options{disk: realDisk()})
	if err != nil {
		return 0, fmt.Errorf("dropping outbox: %w", err)
	}
	defer l.close()
	told := &gaps{list: readGaps(dir)}
	if _, err := Inspect(dir, func(r Record, acknowledged bool) {
		if !acknowledged {
			told.add(r.Epoch, r.Seq, reasonByHand)
		}
	}); err != nil {
		return 0, err
	}
	damaged, _ := led.settle(maxPosition) // no later run finds it
	for _, g := range damaged {
		told.addRange(g)
	}
	if err := writeGaps(realDisk(), dir, told.list); err != nil {
		return 0, fmt.Errorf("dropping outbox: %w", err)
	}
	n := led.acks.missing(1, led.next-1)
	l.mark = &mark{epoch: led.epoch, lastSeq: led.lastSeq, acks: spans{low: led.next - 1}}
	l.gaps, l.stats = &gaps{}, &Stats{}
	k := kindMark
	if led.clean {
		k = kindClean
	}
	if _, err := l.write(&memory{}, led.next, k); err != nil {
		return 0, fmt.Errorf("dropping outbox: %w", err)
	}
	l.reap()
	for _, seg := range l.segments {
		err = errors.Join(err, l.sync(seg))
	}
	if err != nil {
		return 0, fmt.Errorf("dropping outbox: %w", err)
	}
	return int(n), nil
}

package outbox

import (
	"cmp"
	"os"
	"path/filepath"
)

// Sizes of segments. A small log has four, a great one not more than the
// files a process should hold open; in between they have the size that is
// quickly made and wastes little.
const (
	defaultMaxSize = 64 << 20
	segmentSize    = 1 << 20
	minSegments    = 4
	maxSegments    = 256
	minSegmentSize = 128 << 10 // a frame of the greatest size, a mark, a header
)

// segmentSizeFor returns the size of segments, and how many there may be, in
// a log of at most maxSize bytes.
func segmentSizeFor(maxSize int64) (size int64, count int) {
	maxSize = cmp.Or(maxSize, defaultMaxSize)
	size = min(max(maxSize/maxSegments, segmentSize), maxSize/minSegments)
	size = max(size/page*page, minSegmentSize)
	return size, max(int(maxSize/size), minSegments)
}

// openLog locks dir and reads what is there. Nothing is written yet.
func openLog(dir string, o Options) (*log, *ledger, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, nil, err
	}
	used, free, led, err := survey(o.disk, dir, os.O_RDWR)
	if err != nil {
		lock.Close()
		return nil, nil, err
	}
	l := &log{dir: dir, disk: o.disk, lock: lock, segments: used, stats: &Stats{}}
	l.segmentSize, l.maxSegments = segmentSizeFor(o.MaxSize)
	l.number = led.number
	for _, seg := range append(used, free...) {
		l.serial = max(l.serial, seg.serial)
		// A file that was cut short grows again when it is written.
		seg.size = max(seg.size, l.segmentSize)
	}
	unfinished, _ := filepath.Glob(filepath.Join(dir, newPattern))
	for _, name := range unfinished {
		os.Remove(name)
	}
	for _, seg := range free {
		l.shelve(seg)
	}
	return l, led, nil
}

// close gives the directory free. It writes nothing.
func (l *log) close() {
	for _, seg := range append(l.segments, l.spare...) {
		seg.file.Close()
	}
	l.lock.Close()
}

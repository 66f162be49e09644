package outbox

import (
	"os"
	"slices"
)

// A log is the queue's segments. Its methods are called with the queue's lock
// held.
type log struct {
	dir         string
	disk        disk
	lock        *os.File
	segmentSize int64
	maxSegments int

	segments []*segment // in use, in order; the last is the one written to
	spare    []*segment // not in use
	number   int        // of the last file made
	serial   uint64     // of the last life begun

	mark  *mark // what the queue knows to be acknowledged
	gaps  *gaps
	stats *Stats

	marked       bool // a mark was written; the queue sets it back
	buf, markBuf []byte
}

// batchSize is how much is written at once when there is more than one record
// to write.
const batchSize = 64 << 10

// active is the segment that can be written to, or nil.
func (l *log) active() *segment {
	if n := len(l.segments); n > 0 && !l.segments[n-1].suspect {
		return l.segments[n-1]
	}
	return nil
}

// write puts the records of m from position from on into the log, as many as
// go into one write and one segment, and returns the position of the last.
// With a kind k it adds a mark. When nothing in the log is waiting any more, a
// new life begins, which overwrites it all.
func (l *log) write(m *memory, from Position, k kind) (Position, error) {
	seg := l.active()
	life := l.mark.acks.next(0) >= from
	if seg != nil && seg.damaged && len(l.spare) == 0 {
		life = false // written on until the keeper has made another: the disk may have no room for one
	}
	need := int64(maxMarkSize)
	if m.holds(from) {
		need += int64(m.frame(from).size())
	}
	if seg == nil || life && seg.damaged || !life && seg.used+need > l.segmentSize {
		var err error
		if seg, err = l.take(from); err != nil {
			return from - 1, err
		}
		life = true
	}
	b, off, serial := l.buf[:0], seg.used, seg.serial
	if life {
		off, serial = 0, l.serial+1
		b = appendFrame(b, headerFrame(kindHeader, from, serial))
		k = max(k, kindMark)
	}
	b, last := l.frames(b, m, from, k, serial, min(l.segmentSize-off, batchSize))
	if err := l.put(seg, b, off); err != nil {
		if life && seg != l.active() {
			l.spare = append(l.spare, seg)
		}
		return from - 1, err
	}
	if life {
		l.begin(seg, from)
		l.reap()
	}
	seg.used, seg.end = off+int64(len(b)), last
	l.marked = l.marked || k != 0
	return last, nil
}

// frames appends a mark, if k is one, and records from position from on, as
// far as they fit into b with size bytes: at least one.
func (l *log) frames(b []byte, m *memory, from Position, k kind, serial uint64, size int64) ([]byte, Position) {
	if k != 0 {
		f := markFrame(k, from, serial, l.mark, l.markBuf)
		l.markBuf = f.payload
		b = appendFrame(b, f)
	}
	p := from
	for ; m.holds(p); p++ {
		f := m.frame(p)
		if int64(len(b)+f.size()) > size && p > from {
			break
		}
		b = appendFrame(b, f)
	}
	l.buf = b
	return b, p - 1
}

// replay writes the records of m from position from on to another segment, and
// returns the position of the last. It is for when a write or a sync has
// failed: whatever the segments have from that position on is not trusted. The
// new segment counts only once it is on the disk, so until then a restart finds
// what the old ones may have. It takes as many records as it can, which are
// those of some seconds.
func (l *log) replay(m *memory, from Position) (Position, error) {
	seg, err := l.take(from)
	if err != nil {
		return 0, err
	}
	// The records go where they belong, behind the header that still says
	// that the segment is not in use.
	b, last := l.frames(l.buf[:0], m, from, kindMark, l.serial+1, l.segmentSize-headerSize)
	used := headerSize + int64(len(b))
	if err = l.put(seg, b, headerSize); err == nil {
		err = l.sync(seg)
	}
	if err == nil {
		err = l.put(seg, appendFrame(l.buf[:0], headerFrame(kindHeader, from, l.serial+1)), 0)
	}
	if err == nil {
		err = l.sync(seg)
	}
	if err != nil {
		l.spare = append(l.spare, seg)
		return 0, err
	}
	for _, s := range slices.Clone(l.segments) {
		s.end = min(s.end, from-1)
		if s.end < s.base {
			l.release(s)
		}
	}
	l.begin(seg, from)
	seg.used, seg.end = used, last
	l.marked = true
	return last, nil
}

// begin notes a new life of seg, whose header is written.
func (l *log) begin(seg *segment, base Position) {
	l.serial++
	seg.serial, seg.base, seg.end = l.serial, base, base-1
	if seg != l.active() {
		l.segments = append(l.segments, seg)
	}
}

func (l *log) put(seg *segment, b []byte, off int64) error {
	_, err := l.disk.writeAt(seg.file, b, off)
	if err == nil {
		l.stats.BytesWritten += uint64(len(b))
		seg.dirty = true
	}
	return err
}

func (l *log) sync(seg *segment) error {
	seg.dirty = false
	l.stats.Syncs++
	return l.disk.sync(seg.file)
}

// wantsSpare reports whether a segment should be made ready, so that no
// Append has to wait for one.
func (l *log) wantsSpare() bool {
	seg := l.active()
	if len(l.spare) > 0 || seg == nil {
		return false
	}
	return seg.used > l.segmentSize/2 || seg.damaged && len(l.segments) == 1
}

// take returns a segment that is not in use: a spare one, the oldest, if none
// of its records below from is waiting, or a new one. It fails with errFull
// when the oldest has to be given up for that.
func (l *log) take(from Position) (*segment, error) {
	if len(l.spare) == 0 && len(l.segments) >= l.maxSegments {
		oldest := l.segments[0]
		if end := min(oldest.end, from-1); !l.mark.acks.covers(oldest.base, end) {
			return nil, errFull
		}
		l.release(oldest)
	}
	if len(l.spare) == 0 { // none was there, or the oldest was damaged and is set aside
		if err := l.create(); err != nil {
			return nil, err
		}
	}
	seg := l.spare[len(l.spare)-1]
	l.spare = l.spare[:len(l.spare)-1]
	return seg, nil
}

// create makes a spare segment.
func (l *log) create() error {
	l.number++
	seg, err := createSegment(l.disk, l.dir, l.number, l.segmentSize)
	if err == nil {
		l.made(seg)
	}
	return err
}

func (l *log) made(seg *segment) {
	l.spare = append(l.spare, seg)
	l.stats.BytesWritten += uint64(l.segmentSize)
}

// done reports whether the oldest segment can be released.
func (l *log) done() bool {
	return len(l.segments) > 1 && l.mark.acks.covers(l.segments[0].base, l.segments[0].end)
}

// reap releases segments, all records of which are acknowledged. The last one
// stays: it tells the next run where to go on.
func (l *log) reap() {
	for i := 0; i < len(l.segments)-1; {
		if s := l.segments[i]; l.mark.acks.covers(s.base, s.end) {
			l.release(s)
			continue
		}
		i++
	}
}

// release takes seg out of use.
func (l *log) release(seg *segment) {
	l.segments = slices.DeleteFunc(l.segments, func(s *segment) bool { return s == seg })
	l.shelve(seg)
}

// shelve keeps a segment that is not in use for the next time one is needed,
// if it is fit for it.
func (l *log) shelve(seg *segment) {
	seg.serial = 0
	switch {
	case seg.suspect || seg.damaged:
		seg.setAside()
		return
	case seg.size != l.segmentSize || len(l.segments)+len(l.spare) >= l.maxSegments:
		seg.file.Close() // MaxSize was another when it was made
		os.Remove(seg.name)
		return
	case seg.base > 0: // its header still says that it is in use
		// If this write is lost, marks or later lives say that it is not.
		l.put(seg, appendFrame(l.buf[:0], headerFrame(kindFree, 0, 0)), 0)
		seg.base = 0
	}
	l.spare = append(l.spare, seg)
}

// has reports whether seg is still one of the log's.
func (l *log) has(seg *segment) bool {
	return slices.Contains(l.segments, seg) || slices.Contains(l.spare, seg)
}

// size is the bytes of the segments in use.
func (l *log) size() int64 {
	var n int64
	for _, s := range l.segments {
		n += s.used
	}
	return n
}

// find returns the segment of the first record at p or later.
func (l *log) find(p Position) *segment {
	for _, s := range l.segments {
		if s.end >= p && s.end >= s.base {
			return s
		}
	}
	return nil
}

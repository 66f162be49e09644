package outbox

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
)

// A ledger is what the frames of all segments say together.
type ledger struct {
	acks    spans
	next    Position // above every position seen
	epoch   uint64   // highest seen
	lastSeq uint64   // highest of that epoch
	clean   bool     // the last frame is of an orderly end, of epoch
	whole   bool     // the last mark had room for all acknowledgements

	holes   []hole
	open    int      // holes[open:] wait for the reading that follows them
	last    Position // of the record seen last
	reading reading  // seen last
	skipped int64
	torn    int
	junk    []string // files without anything to be read
	number  int      // of the last file
}

// A reading here is only what tells it from others.
type reading struct{ epoch, seq uint64 }

// A hole is positions of which no record was found: acknowledged ones, or
// lost ones.
type hole struct {
	span
	before, after reading // its neighbours, as far as there are any
}

// survey reads all segments of a directory, writing nothing. Those in use are
// returned in order of position.
func survey(d disk, dir string, flag int) (used, free []*segment, led *ledger, err error) {
	names, err := filepath.Glob(filepath.Join(dir, segmentPattern))
	if err != nil {
		return nil, nil, nil, err
	}
	led = &ledger{next: 1}
	for _, name := range names {
		led.number = max(led.number, fileNumber(name))
		seg, err := openSegment(d, name, flag)
		switch {
		case err != nil:
			led.junk = append(led.junk, name+": "+err.Error())
		case seg.base > 0:
			used = append(used, seg)
		default:
			free = append(free, seg)
			if seg.suspect {
				led.junk = append(led.junk, name+": no record found in it")
				led.skipped += seg.size
			}
		}
	}
	supersede(used)
	used = slices.DeleteFunc(used, func(s *segment) bool {
		if s.end < s.base { // nothing in it counts; least of all must it be written on
			free = append(free, s)
			return true
		}
		return false
	})
	slices.SortFunc(used, func(a, b *segment) int { return cmp.Compare(a.base, b.base) })
	for _, seg := range used {
		led.read(d, seg)
	}
	led.close()
	return used, free, led, nil
}

// openSegment opens a segment and reads where its life begins: base is 0 when
// it is not in use.
func openSegment(d disk, name string, flag int) (*segment, error) {
	f, err := os.OpenFile(name, flag, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	seg := &segment{name: name, file: f, size: info.Size(), used: headerSize}
	b := make([]byte, headerSize)
	n, _ := pageReader{d, f}.ReadAt(b, 0)
	h, ok := parseFrame(b[:max(n, 0)])
	switch {
	case ok && h.kind == kindHeader:
		seg.base, seg.serial, seg.end = max(h.position, 1), h.seq, maxPosition
	case ok && h.kind == kindFree:
	default: // the header is damaged: the life begins with whatever comes first
		seg.suspect = true
		s := seg.scanner(d, seg.size)
		if first, ok := s.scan(); ok {
			seg.base, seg.end = max(first.position, 1), maxPosition
		}
	}
	return seg, nil
}

// supersede ends each segment where a later life begins. Lives follow each
// other in position, except after a failed sync: then what the disk may not
// have was written again, and the new copy counts.
func supersede(segments []*segment) {
	slices.SortFunc(segments, func(a, b *segment) int { return cmp.Compare(b.serial, a.serial) })
	lowest := maxPosition
	for _, s := range segments {
		if s.serial == 0 { // its header is lost: nothing is known
			continue
		}
		s.end = min(s.end, lowest-1)
		lowest = min(lowest, s.base)
	}
}

// read scans the life of a segment and sets what is to be known of it.
func (led *ledger) read(d disk, seg *segment) {
	led.expect(seg.base)
	limit := seg.end
	seg.end = seg.base - 1
	s := seg.scanner(d, seg.size)
	s.acks = &led.acks
	for {
		f, ok := s.scan()
		if !ok {
			break
		}
		switch {
		case f.kind != kindRecord:
			led.mark(f)
		case f.position <= limit:
			led.record(f)
			seg.end = f.position
		default: // superseded
			led.next = max(led.next, f.position+1)
		}
	}
	seg.used = s.used
	seg.damaged = s.skipped > 0
	led.skipped += s.skipped
	if s.torn() {
		led.torn++
	}
}

// torn reports whether what follows the last frame looks like the beginning of
// the next.
func (s *scanner) torn() bool {
	b := make([]byte, frameHead)
	n, _ := s.file.ReadAt(b, s.used)
	f, _, ok := parseHead(b[:max(n, 0)])
	return ok && s.belongs(f) && f.position == s.next
}

func (led *ledger) mark(f frame) {
	m := parseMark(f)
	led.clean = f.kind == kindClean
	led.whole = len(m.acks.above) < maxMarkSpans
	led.count(m.epoch, m.lastSeq)
	m.addTo(&led.acks)
	led.next = max(led.next, f.position)
}

func (led *ledger) record(f frame) {
	led.expect(f.position)
	led.last = f.position
	led.next = max(led.next, f.position+1)
	led.clean = false
	led.count(f.epoch, f.seq)
	if f.seq == 0 {
		return
	}
	led.reading = reading{f.epoch, f.seq}
	led.follow(led.reading)
}

// follow tells the holes that wait for it what reading comes after them.
func (led *ledger) follow(r reading) {
	for ; led.open < len(led.holes); led.open++ {
		led.holes[led.open].after = r
	}
}

// expect notes a hole if the record seen last is not the one before p.
func (led *ledger) expect(p Position) {
	if led.last == 0 {
		// All before the first segment has been delivered or dropped.
		led.acks.add(1, p-1)
		led.last = p - 1
	}
	if p > led.last+1 {
		led.holes = append(led.holes, hole{span{led.last + 1, p - 1}, led.reading, reading{}})
		led.last = p - 1
	}
}

func (led *ledger) count(epoch, seq uint64) {
	if epoch > led.epoch {
		led.epoch, led.lastSeq = epoch, 0
	}
	if epoch == led.epoch {
		led.lastSeq = max(led.lastSeq, seq)
	}
}

// close ends the book: what marks tell of beyond the last record.
func (led *ledger) close() {
	if n := len(led.acks.above); n > 0 {
		led.next = max(led.next, led.acks.above[n-1].to+1)
	}
	led.next = max(led.next, led.acks.low+1)
	led.expect(led.next)
	if led.lastSeq > 0 { // and what they tell of the last reading
		led.follow(reading{led.epoch, led.lastSeq + 1})
	}
}

// settle closes the holes: it returns the readings lost in them, as far as
// that can be known from their neighbours, and how many records were lost. All
// acknowledgements from position known on are known.
func (led *ledger) settle(known Position) (lost []Gap, records uint64) {
	for _, h := range led.holes {
		// A run begins far above all before it. If no mark is left that says
		// where the one before had ended, only what the new one lost is known.
		if begin := runOf(h.to + 1); begin > h.from && !led.acks.has(begin-1) {
			led.acks.add(h.from, begin-1)
		}
		gaps, n := h.damage(&led.acks, known)
		led.acks.add(h.from, h.to)
		lost = append(lost, gaps...)
		records += n
	}
	return lost, records
}

// damage tells what the records of h that are not in acks, n of them, mean for
// consumers. Nothing is told for certain of records before known, which may have
// been acknowledged, and where it is not known which records were readings.
func (h hole) damage(acks *spans, known Position) (list []Gap, n uint64) {
	for _, h := range h.pieces(acks) {
		missing := acks.missing(h.from, h.to)
		n += missing
		g, exact := h.gap(missing)
		g.Reason = reasonDoubt
		if exact && h.from >= known {
			g.Reason = reasonDamaged
		}
		if g.Count > 0 {
			list = append(list, g)
		}
	}
	return list, n
}

// pieces parts h where a run ends or begins: a neighbour tells nothing of another
// run. Within one it leaves out what is in acks, if it is known which readings
// these are: when no record of h was anything else.
func (h hole) pieces(acks *spans) (list []hole) {
	a, b := h.before, h.after
	if begin := runOf(h.to + 1); begin > h.from {
		end := min(runOf(h.from-1)+runLength, begin)
		return []hole{
			{span{h.from, end - 1}, a, reading{}},
			{span{end, begin - 1}, reading{}, reading{}}, // whole runs, of which nothing is left
			{span{begin, h.to}, reading{}, b},
		}
	}
	if a.seq == 0 || a.epoch != b.epoch || b.seq-a.seq-1 != uint64(h.to-h.from+1) {
		return []hole{h}
	}
	for s := range acks.rest(h.from, h.to) {
		before := reading{a.epoch, a.seq + uint64(s.from-h.from)}
		list = append(list, hole{s, before, reading{a.epoch, before.seq + uint64(s.to-s.from) + 2}})
	}
	return list
}

// gap is what n records lost in h mean for consumers, without a reason. If
// neighbours are of one epoch the numbers between them are known exactly; else
// they are taken to go on from the one neighbour there is. Exact means that n
// counts readings only, and these.
func (h hole) gap(n uint64) (g Gap, exact bool) {
	a, b := h.before, h.after
	switch {
	case a.seq > 0 && a.epoch == b.epoch:
		g.Epoch, g.From, g.To = a.epoch, a.seq+1, b.seq-1
		all := uint64(h.to - h.from + 1)
		exact = n == all || all == b.seq-a.seq-1
	case b.seq > 0:
		g.Epoch, g.From, g.To = b.epoch, 1, b.seq-1
		if b.seq > n {
			g.From = b.seq - n
		}
	case a.seq > 0:
		g.Epoch, g.From, g.To = a.epoch, a.seq+1, a.seq+n
	}
	if g.From > 0 && g.To >= g.From {
		g.Count = min(n, g.To-g.From+1)
	}
	return g, exact
}

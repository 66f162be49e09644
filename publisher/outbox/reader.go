package outbox

// A cursor reads one life of a segment forward, so that a backlog is read once
// and in large pieces.
type cursor struct {
	seg     *segment
	serial  uint64 // of the life
	scan    scanner
	reading reading // seen last
	turn    uint64  // when it was last used
}

// find returns the first record at p or later, and the reading before it.
func (c *cursor) find(p Position) (f frame, before reading, ok bool) {
	for {
		before = c.reading
		f, ok = c.scan.scan()
		if ok && f.kind == kindRecord && f.seq > 0 {
			c.reading = reading{f.epoch, f.seq}
		}
		if !ok || f.kind == kindRecord && f.position >= p {
			return f, before, ok
		}
	}
}

// Next returns the first record after a position that is not acknowledged, and
// false when there is none: Next(0, buf) is the oldest in the queue. The
// payload is put into buf, which is grown if it has to be.
//
// Records that turn out to be unreadable are left out and told by [Queue.Gaps].
func (q *Queue) Next(after Position, buf []byte) (Record, bool) {
	for {
		q.mu.Lock()
		p := q.mark.acks.next(after)
		if q.closed || p >= q.next {
			q.mu.Unlock()
			return Record{}, false
		}
		if q.memory.holds(p) {
			r := record(q.memory.frame(p), buf)
			q.mu.Unlock()
			return r, true
		}
		seg := q.log.find(p)
		if seg == nil || seg.base > p { // it should be in memory or in a segment
			q.lose(p, q.until(p, seg), reading{}, reading{})
			q.mu.Unlock()
			continue
		}
		life := *seg // may begin anew while it is read
		q.mu.Unlock()
		if r, ok := q.read(p, seg, life, buf); ok {
			return r, true
		}
	}
}

func record(f frame, buf []byte) Record {
	return Record{f.position, f.epoch, f.seq, append(buf[:0], f.payload...)}
}

// read returns the record at p from seg, without keeping Append waiting for
// the disk. If it is not there, it is acknowledged by now, or lost.
func (q *Queue) read(p Position, seg *segment, life segment, buf []byte) (Record, bool) {
	q.reading.Lock()
	defer q.reading.Unlock()
	c := q.cursor(p, seg, life)
	f, before, found := c.find(p)
	if found && f.position == p {
		return record(f, buf), true
	}

	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.mark.acks.has(p) || seg.serial != life.serial || p > seg.end {
		return Record{}, false
	}
	to, after := seg.end, reading{}
	if found {
		to, after = min(to, f.position-1), reading{f.epoch, f.seq}
	}
	q.lose(p, to, before, after)
	seg.suspect = true
	return Record{}, false
}

// cursor returns a cursor that stands at p or before it in a life of seg.
func (q *Queue) cursor(p Position, seg *segment, life segment) *cursor {
	q.turn++
	oldest := &q.cursors[0]
	for i := range q.cursors {
		c := &q.cursors[i]
		if c.seg == seg && c.serial == life.serial && c.scan.next <= p {
			c.turn = q.turn
			c.scan.end = life.used
			return c
		}
		if c.turn < oldest.turn {
			oldest = c
		}
	}
	oldest.turn = q.turn
	oldest.restart(q.opt.disk, seg, life)
	return oldest
}

// restart puts the cursor at the beginning of a life of seg.
func (c *cursor) restart(d disk, seg *segment, life segment) {
	window := c.scan.window
	c.seg, c.serial = seg, life.serial
	c.reading = reading{}
	c.scan = life.scanner(d, life.used)
	c.scan.window = window[:0]
}

// until is the last position before what can be read again: the beginning of
// seg, or of memory.
func (q *Queue) until(p Position, seg *segment) Position {
	switch {
	case seg != nil:
		return seg.base - 1
	case q.memory.len() > 0 && q.memory.first > p:
		return q.memory.first - 1
	}
	return q.next - 1
}

// lose gives up what is still waiting of from..to, between two readings.
func (q *Queue) lose(from, to Position, before, after reading) {
	lost, n := hole{span{from, to}, before, after}.damage(&q.mark.acks, q.known)
	q.mark.acks.add(from, to)
	q.stats.Damaged += n
	for _, g := range lost {
		q.gaps.addRange(g)
		q.schedule(q.now())
	}
	q.opt.Log.Warn("outbox damaged: records cannot be read", "records", n)
	q.signal()
}

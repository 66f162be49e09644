package outbox

import (
	"errors"
	"time"
)

const (
	// A record is synced when it has waited this long. The rest of the second
	// is for the sync itself.
	syncAge    = 800 * time.Millisecond
	markDelay  = syncAge // together they wake the gateway once, not four times, a second
	markCount  = 1024
	retryDelay = 10 * time.Second
)

// keep is the queue's own goroutine. It sleeps while there is nothing to do:
// a gateway at rest is not woken.
func (q *Queue) keep() {
	defer close(q.done)
	defer q.timer.Stop()
	for {
		select {
		case <-q.timer.C:
			q.tend()
		case <-q.stop:
			return
		}
	}
}

// schedule has the keeper called at a time, or earlier.
func (q *Queue) schedule(at time.Duration) {
	if q.alarm == 0 || at < q.alarm {
		q.alarm = at
		q.timer.Reset(at - q.now())
	}
}

// tend does what is due: saves gaps, tries to end a trouble, writes a mark, syncs
// what has waited too long, makes a segment ready.
func (q *Queue) tend() {
	q.mu.Lock()
	q.alarm = 0
	q.mu.Unlock()
	q.keepGaps()

	q.mu.Lock()
	now := q.now()
	if q.trouble != nil && now >= q.retryAt {
		q.revive()
	}
	if q.writable() && q.unmarked > 0 && now >= q.markAt {
		q.flush(kindMark)
	}
	p, at := q.oldestUnsynced()
	q.mu.Unlock()

	if p != 0 && now >= at {
		q.sync(p)
	}
	q.makeReady()

	q.mu.Lock()
	defer q.mu.Unlock()
	if q.full {
		q.schedule(q.now())
	}
	if q.trouble != nil {
		q.schedule(q.retryAt)
		return
	}
	if q.log != nil && (q.gaps.unsaved || len(q.gaps.told) > 0) {
		q.schedule(max(q.now()+syncAge, q.gaps.saveAt))
	}
	if q.unmarked > 0 && q.log != nil {
		q.schedule(q.markAt)
	}
	if p, at := q.oldestUnsynced(); p != 0 {
		q.schedule(at)
	}
}

// oldestUnsynced returns the oldest record that a power cut could lose, and
// when it has to be synced; 0 when there is none. That records come and go all
// the time must not postpone the sync of one that stays.
func (q *Queue) oldestUnsynced() (Position, time.Duration) {
	p := q.mark.acks.next(q.synced)
	if p > q.written || !q.writable() || q.opt.Sync == Each {
		return 0, 0
	}
	if !q.memory.holds(p) { // more than memory holds in a second
		return p, q.now()
	}
	return p, q.now() - q.memory.age(p, q.now()) + syncAge
}

// writable reports whether the disk takes records.
func (q *Queue) writable() bool { return q.log != nil && q.trouble == nil }

// flush writes to the log what only memory has, and a mark if k is one. A
// write that fails is tried once more, in another segment.
func (q *Queue) flush(k kind) {
	retried := false
	q.full = false
	for q.written < q.next-1 || k != 0 {
		from := q.unwrittenFrom()
		last, err := q.log.write(&q.memory, from, k)
		if err != nil && !errors.Is(err, errFull) && !retried {
			retried = true
			last, err = q.log.replay(&q.memory, from)
		}
		if err != nil {
			q.cannot(err)
			return
		}
		q.written = last
		k = 0
	}
	if q.log.marked {
		q.log.marked, q.unmarked = false, 0
	}
	if q.wantsSpare() {
		q.schedule(q.now())
	}
}

// unwrittenFrom is the position of the first record that has to be written.
// Those that memory has already forgotten are acknowledged or given up.
func (q *Queue) unwrittenFrom() Position {
	if q.memory.len() == 0 {
		return q.next
	}
	return max(q.written+1, q.memory.first)
}

// sync makes the records up to p durable, and others that were written
// meanwhile. Several callers share one sync.
func (q *Queue) sync(p Position) {
	q.syncing.Lock()
	defer q.syncing.Unlock()
	q.mu.Lock()
	if q.synced >= p || !q.writable() {
		q.mu.Unlock()
		return
	}
	written := q.written
	q.dirty = q.dirty[:0]
	for _, seg := range q.log.segments {
		if seg.dirty {
			seg.dirty = false
			q.dirty = append(q.dirty, seg)
		}
	}
	q.mu.Unlock()

	failed := make([]error, len(q.dirty))
	for i, seg := range q.dirty {
		// Another may be lost than the one that fails: all are tried.
		failed[i] = q.opt.disk.sync(seg.file)
	}

	q.mu.Lock()
	defer q.mu.Unlock()
	var err error
	for i, seg := range q.dirty {
		if q.log.has(seg) { // else it was set aside meanwhile, and its file closed
			err = errors.Join(err, failed[i])
		}
	}
	q.stats.Syncs += uint64(len(q.dirty))
	if err == nil {
		q.synced = max(q.synced, min(written, q.written))
		return
	}
	// The kernel reports a failed write-back once and then takes the pages
	// for clean: a second sync would succeed and mean nothing. So none of
	// what was not synced is trusted.
	q.stats.SyncErrors++
	for _, seg := range q.dirty {
		seg.suspect = true
	}
	if q.memory.len() > 0 {
		q.written = max(q.synced, q.memory.first-1)
	}
	q.fail(explain(q.dir, err))
	q.revive()
}

// cannot notes why nothing was written: there is no room, or no disk.
func (q *Queue) cannot(err error) {
	if q.full = errors.Is(err, errFull); q.full {
		q.schedule(q.now())
		return
	}
	q.fail(explain(q.dir, err))
}

// fail notes that the disk takes nothing.
func (q *Queue) fail(err error) {
	q.full = false
	if q.trouble == nil {
		q.opt.Log.Warn("outbox cannot be written: holding records in memory", "err", err)
	}
	q.trouble = err
	q.retryAt = q.now() + retryDelay
	q.schedule(q.retryAt)
}

// revive tries to end the trouble.
func (q *Queue) revive() {
	if q.log == nil {
		if err := q.attach(); err != nil {
			q.fail(openError(q.dir, err))
			return
		}
	}
	last, err := q.log.replay(&q.memory, q.unwrittenFrom())
	if err != nil {
		q.cannot(err)
		return
	}
	q.written = last
	q.trouble = nil
	q.opt.Log.Info("outbox can be written again")
	q.flush(0)
	q.schedule(q.now())
}

// makeReady sees to it that there is a segment for when the present one is
// full, without keeping an Append waiting.
func (q *Queue) makeReady() {
	q.dropOldest()
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.wantsSpare() || q.wantsRoom() {
		return
	}
	l := q.log
	l.number++
	number := l.number
	q.mu.Unlock()
	seg, err := createSegment(l.disk, l.dir, number, l.segmentSize)
	q.mu.Lock()
	if err != nil {
		// There is time: half a segment. Whoever needs it in the end fails
		// and says so.
		q.readyAt = q.now() + retryDelay
		return
	}
	l.made(seg)
}

func (q *Queue) wantsSpare() bool {
	return q.writable() && q.log.wantsSpare() && q.now() >= q.readyAt
}

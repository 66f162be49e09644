package outbox

import (
	"errors"
	"fmt"
)

// attach opens the log and takes over what is in it. A queue that has already
// begun, in memory, goes on behind it.
func (q *Queue) attach() error {
	l, led, err := openLog(q.dir, q.opt)
	if err != nil {
		return err
	}
	before := readStart(q.dir)
	last := max(before.epoch, led.epoch)
	late := q.next != 0
	this := start{last + 1, max(before.first, runOf(led.next)) + runLength}
	switch {
	case late && q.first < this.first:
		l.close()
		return fmt.Errorf("%s is from a time after this one, by the clock: it is used after a restart", q.dir)
	case late:
		this = start{max(last, q.mark.epoch), q.first}
	case last == 0:
		this.epoch = freshEpoch()
	}
	if err := this.write(q.opt.disk, q.dir); err != nil {
		l.close()
		return err
	}
	ended := led.clean && led.epoch == last // the run before, in order
	known := maxPosition
	if ended && led.whole && before.first > 0 {
		known = before.first
	}
	lost, records := led.settle(known)
	q.gaps.list = append(readGaps(q.dir), q.gaps.list...)
	for _, g := range lost {
		q.gaps.addRange(g)
	}
	q.stats.Damaged += records
	q.stats.SkippedBytes += uint64(led.skipped)
	q.stats.TornTails += uint64(led.torn)
	if led.skipped > 0 || records > 0 {
		q.opt.Log.Warn("outbox was damaged", "skipped_bytes", led.skipped, "records_missing", records)
	}
	for _, name := range led.junk {
		q.opt.Log.Warn("outbox segment set aside", "segment", name)
	}
	if !late {
		q.begin(this.first, this.epoch)
		q.known = min(q.known, known)
		if last > 0 {
			q.previous = Previous{Epoch: last}
			// A run that died before it recorded anything closes nothing: the
			// one before it is still to be closed.
			if led.epoch > 0 {
				q.previous = Previous{led.epoch, led.lastSeq, ended}
			}
		}
	}
	q.takeOver(l, led)
	if records > 0 { // what is told now is not to be found again
		q.unmarked++
		q.markAt = q.now()
		q.schedule(q.markAt)
	}
	return nil
}

// takeOver makes l the queue's log.
func (q *Queue) takeOver(l *log, led *ledger) {
	acks := led.acks
	acks.add(led.next, q.first-1)
	acks.add(q.first, q.mark.acks.low)
	for _, s := range q.mark.acks.above {
		acks.add(s.from, s.to)
	}
	q.mark.acks = acks
	if q.mark.lastSeq == 0 && led.epoch == q.mark.epoch {
		q.mark.lastSeq = led.lastSeq
	}
	l.mark, l.gaps, l.stats = &q.mark, &q.gaps, &q.stats
	// A life that is not seen may have had a higher number than those that are.
	l.serial = max(l.serial, uint64(q.first))
	q.log = l

	q.review(l)
	if q.stale() { // before anything is forgotten
		q.saveGapsLocked(nil)
	}
	l.reap()
	for len(l.segments) > l.maxSegments { // MaxSize was greater before
		oldest := l.segments[0]
		lost := l.lossOf(oldest, oldest.end, &q.mark.acks)
		q.saveGapsLocked(lost.gaps.list)
		unsaved := q.gaps.unsaved
		l.giveUp(oldest, oldest.end, lost)
		q.gaps.unsaved = unsaved
		q.putBack(lost.events...)
		q.schedule(q.now())
	}
	var err error
	for _, seg := range l.segments {
		// A killed process may have left it in the page cache only.
		if !l.mark.acks.covers(seg.base, seg.end) {
			err = errors.Join(err, l.sync(seg))
		}
	}
	if err != nil {
		q.stats.SyncErrors++
		q.opt.Log.Warn("outbox may not survive a power cut", "err", err)
	}
	if len(l.segments)+len(l.spare) == 0 {
		if err := l.create(); err != nil {
			q.fail(explain(q.dir, err))
		}
	}
}

// review takes out of the gaps what is in the log all the same: a kill can come
// between the file that tells of readings and their end.
func (q *Queue) review(l *log) {
	if len(q.gaps.list) == 0 {
		return
	}
	for _, seg := range l.segments {
		for f := range seg.records(l.disk, seg.end) {
			if !q.mark.acks.has(f.position) {
				q.gaps.found(f.epoch, f.seq)
			}
		}
	}
}

// finish writes what is left and gives the directory free.
func (q *Queue) finish() error {
	if q.stale() { // before a mark says that there is nothing more
		q.saveGapsLocked(nil)
	}
	if q.trouble != nil {
		q.revive()
	}
	for q.full {
		q.giveWay()
	}
	var err error
	if q.writable() {
		q.flush(kindClean)
		for q.full {
			q.giveWay()
			q.flush(kindClean)
		}
		for _, seg := range q.log.segments {
			if seg.dirty {
				err = errors.Join(err, q.log.sync(seg))
			}
		}
		if err == nil && q.writable() {
			q.synced = q.written
		}
	}
	if n := q.mark.acks.missing(q.written+1, q.next-1); n > 0 {
		err = fmt.Errorf("%d records were in memory only and are lost: %w", n, q.trouble)
	}
	if q.log != nil {
		if q.stale() { // what was told is on the disk now
			q.saveGapsLocked(nil)
		}
		q.log.close()
		q.log = nil
	}
	if err != nil {
		return fmt.Errorf("closing outbox: %w", err)
	}
	return nil
}

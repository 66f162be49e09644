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
	lost, records := led.settle()
	q.gaps.load(q.opt.disk, q.dir)
	for _, g := range lost {
		q.gaps.addRange(g)
	}
	if len(lost) > 0 {
		q.gaps.save(q.opt.Log)
	}
	q.stats.Damaged += records
	q.stats.SkippedBytes += uint64(led.skipped)
	q.stats.TornTails += uint64(led.torn)
	if led.skipped > 0 || records > 0 {
		q.opt.Log.Warn("outbox was damaged", "skipped_bytes", led.skipped, "records_lost", records)
	}
	for _, name := range led.junk {
		q.opt.Log.Warn("outbox segment set aside", "segment", name)
	}
	if !late {
		q.begin(this.first, this.epoch)
		if last > 0 {
			q.previous = Previous{Epoch: last}
			// A run that died before it recorded anything closes nothing: the
			// one before it is still to be closed.
			if led.epoch > 0 {
				q.previous = Previous{led.epoch, led.lastSeq, led.clean && led.epoch == last}
			}
		}
	}
	q.takeOver(l, led)
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
	l.mark, l.gaps, l.stats, l.slog = &q.mark, &q.gaps, &q.stats, q.opt.Log
	// A life that is not seen may have had a higher number than those that are.
	l.serial = max(l.serial, uint64(q.first))
	q.log = l

	l.reap()
	for len(l.segments) > l.maxSegments { // MaxSize was greater before
		l.giveUp(l.segments[0], led.next)
	}
	var err error
	for _, seg := range l.segments {
		seg.since = q.now()
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

// finish writes what is left and gives the directory free.
func (q *Queue) finish() error {
	if q.trouble != nil {
		q.revive()
	}
	var err error
	if q.writable() {
		q.flush(kindClean)
		for _, seg := range q.log.segments {
			if seg.dirty {
				err = errors.Join(err, q.log.sync(seg))
			}
		}
	}
	if n := q.mark.acks.missing(q.written+1, q.next-1); n > 0 {
		err = fmt.Errorf("%d records were in memory only and are lost: %w", n, q.trouble)
	}
	if q.log != nil {
		q.log.close()
		q.log = nil
	}
	if err != nil {
		return fmt.Errorf("closing outbox: %w", err)
	}
	return nil
}

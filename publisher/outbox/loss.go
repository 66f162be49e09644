package outbox

import (
	"bytes"
	"errors"
	"slices"
)

// errFull is why there is no segment to write to: the oldest has to be given
// up first, which takes a sync and is not done with the queue locked.
var errFull = errors.New("outbox full")

// A loss is what giving up a segment costs.
type loss struct {
	gaps    gaps
	events  []Record // to be put in anew: nothing else tells what they do
	waiting uint64   // records not acknowledged, with
	damaged uint64   // those that cannot be read
}

// lossOf returns what is lost with the records of a segment up to end, except
// for those in acks. It needs no lock: seg may be a copy.
func (l *log) lossOf(seg *segment, end Position, acks *spans) loss {
	lost := loss{waiting: acks.missing(seg.base, end)}
	// Messages without a number that are not events are put back too, but only
	// so many: a log full of them would never have room.
	room := int(l.segmentSize / 16)
	var (
		before     reading
		from, next = seg.base, seg.base // after before; after the record seen last
		unreadable uint64               // since before
	)
	tell := func(to Position, after reading) {
		g, exact := hole{span{from, to}, before, after}.gap(unreadable)
		g.Reason = reasonDoubt
		if exact {
			g.Reason = reasonFull
		}
		if g.Count > 0 {
			lost.gaps.addRange(g)
		}
		lost.damaged += unreadable
		unreadable = 0
	}
	for f := range seg.records(l.disk, end) {
		unreadable += acks.missing(next, f.position-1)
		next = f.position + 1
		if f.seq > 0 {
			after := reading{f.epoch, f.seq}
			tell(f.position-1, after)
			before, from = after, next
		}
		switch {
		case acks.has(f.position):
		case f.seq == 0 && f.epoch > 0 && f.size() <= room: // an event is small
			room -= f.size()
			lost.events = append(lost.events, Record{Epoch: f.epoch, Payload: bytes.Clone(f.payload)})
		default:
			lost.gaps.add(f.epoch, f.seq, reasonFull)
		}
	}
	unreadable += acks.missing(next, end)
	tell(end, reading{})
	return lost
}

// giveUp drops the records of seg up to end, which is what lost tells of. The
// gaps have to be on the disk before.
func (l *log) giveUp(seg *segment, end Position, lost loss) {
	l.mark.acks.add(seg.base, end)
	l.rescued = append(l.rescued, lost.events...)
	for _, g := range lost.gaps.list {
		l.gaps.addRange(g)
	}
	l.stats.Damaged += lost.damaged
	l.stats.Dropped += lost.waiting - lost.damaged - uint64(len(lost.events))
	l.release(seg)
}

// wantsRoom reports whether the oldest segment has to be given up for the next.
func (q *Queue) wantsRoom() bool {
	l := q.log
	return l != nil && len(l.spare) == 0 && len(l.segments) >= l.maxSegments && (q.full || q.wantsSpare())
}

// dropOldest gives up the oldest segment, if it is wanted for what comes, and
// writes what is waiting for it. It reports whether more room is needed.
func (q *Queue) dropOldest() (full bool) {
	q.saving.Lock()
	defer q.saving.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.giveWay()
}

// giveWay is dropOldest with q.saving and q.mu held. It unlocks q.mu for a time.
func (q *Queue) giveWay() (full bool) {
	if q.wantsRoom() {
		q.giveUpOldest()
		q.signal()
	}
	switch {
	case q.writable():
		q.flush(0)
	case q.full && q.log != nil:
		q.revive()
	default:
		return false
	}
	return q.full
}

// giveUpOldest reads the segment and saves the gaps, which a slow card makes a
// matter of seconds, with q.mu unlocked. Until the gaps are on the disk nothing
// is forgotten; a kill in between costs nothing either, see [Queue.review].
func (q *Queue) giveUpOldest() {
	l, oldest := q.log, q.log.segments[0]
	life, end := *oldest, min(oldest.end, q.written)
	acks := spans{q.mark.acks.low, slices.Clone(q.mark.acks.above)}
	q.mu.Unlock()
	lost := l.lossOf(&life, end, &acks)
	if len(lost.gaps.list) > 0 {
		q.saveGaps(lost.gaps.list)
	}
	q.mu.Lock()

	if !q.wantsRoom() || l.segments[0] != oldest || oldest.serial != life.serial {
		q.gaps.unsaved = true // the file tells too much
		return
	}
	end = min(oldest.end, q.written)
	unsaved := q.gaps.unsaved
	if q.mark.acks.missing(oldest.base, end) != lost.waiting { // some was delivered meanwhile
		lost = l.lossOf(oldest, end, &q.mark.acks)
		unsaved = true
	}
	l.giveUp(oldest, end, lost)
	q.gaps.unsaved = unsaved
}

// saveGaps writes the file of what is still to be told, and of more that is
// about to be lost. q.saving is held, q.mu is not.
func (q *Queue) saveGaps(more []Gap) {
	q.mu.Lock()
	list := append(q.untold(), more...)
	q.mu.Unlock()
	q.writeGaps(list)
}

func (q *Queue) writeGaps(list []Gap) {
	if err := writeGaps(q.opt.disk, q.dir, list); err != nil {
		q.opt.Log.Warn("gaps may not be told after a restart", "err", err)
	}
}

// toldForGood reports whether the events that tell of gaps are delivered, or on
// the disk.
func (q *Queue) toldForGood() bool { return q.mark.acks.next(q.synced) > q.gaps.toldBy }

// untold returns what the file has to tell.
func (q *Queue) untold() []Gap {
	g := &q.gaps
	if q.toldForGood() {
		g.told = nil
	}
	g.unsaved = len(g.told) > 0
	return slices.Concat(g.told, g.telling, g.list)
}

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
	events  []Record // to be put in anew
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
		case f.event() && f.size() <= room: // it is small
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
// gaps have to be on the disk before. The events are up to the caller.
func (l *log) giveUp(seg *segment, end Position, lost loss) {
	l.mark.acks.add(seg.base, end)
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
// matter of seconds, with q.mu unlocked. Until the gaps are on the disk, and the
// events there once more, nothing is forgotten; a kill in between costs nothing
// either, see [Queue.review]. Only if there is no room left to write to the
// events are put back when they are gone, and a power cut may take them.
func (q *Queue) giveUpOldest() {
	l, oldest := q.log, q.log.segments[0]
	life, end := *oldest, min(oldest.end, q.written)
	acks := spans{q.mark.acks.low, slices.Clone(q.mark.acks.above)}
	ahead := !q.full // there is room to have the events elsewhere before
	q.mu.Unlock()
	lost := l.lossOf(&life, end, &acks)
	if len(lost.gaps.list) > 0 {
		q.saveGaps(lost.gaps.list)
	}
	q.mu.Lock()
	if ahead && len(lost.events) > 0 {
		q.putBack(lost.events...)
		q.flush(0)
		last := q.next - 1
		q.mu.Unlock()
		q.sync(last)
		q.mu.Lock()
	}

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
	if !ahead {
		q.putBack(lost.events...)
	}
}

// putBack puts events at the end that would be lost where they are.
func (q *Queue) putBack(events ...Record) {
	for _, r := range events {
		q.memory.push(q.next, r, q.now())
		if len(q.gaps.told) > 0 { // it may be the one that tells
			q.gaps.toldBy = q.next
		}
		q.next++
	}
}

// makeRoom forgets the oldest records in memory until n more bytes fit.
func (q *Queue) makeRoom(n int) {
	room := q.unwritten / 16 // for events, as in lossOf
	for q.memory.len() > 0 {
		size := q.memory.size() + n
		if size <= q.recent {
			return
		}
		oldest := q.memory.first
		if oldest > q.synced && !q.mark.acks.has(oldest) {
			// The disk may not have it, or may not have kept it.
			if size <= q.unwritten {
				return
			}
			if oldest > q.written {
				f := q.memory.frame(oldest)
				q.mark.acks.add(oldest, oldest)
				if f.event() && f.size() <= room {
					room -= f.size()
					q.putBack(Record{Epoch: f.epoch, Payload: bytes.Clone(f.payload)})
				} else {
					q.stats.Dropped++
					q.gaps.add(f.epoch, f.seq, q.reason())
				}
			}
		}
		q.memory.drop()
	}
}

// reason is why memory is full.
func (q *Queue) reason() string {
	if q.trouble != nil {
		return reasonMemory
	}
	return reasonFull
}

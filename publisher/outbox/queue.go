package outbox

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Sizes of what is kept in memory.
const (
	recentSize   = 256 << 10 // what the disk has too, for those who read behind
	unwrittenMax = 4 << 20   // what the disk does not have, while it takes nothing
)

// A Queue holds records until they are acknowledged. Its methods may be used
// by several goroutines.
type Queue struct {
	dir string
	opt Options

	mu       sync.Mutex
	log      *log // nil while there is no directory to write to
	memory   memory
	mark     mark // what is acknowledged; marked by the log now and then
	gaps     gaps
	stats    Stats
	closed   bool
	previous Previous

	// synced <= written < next: all below next exist, all up to written are
	// in the log, all up to synced survive a power cut. What was given up or
	// acknowledged counts as both.
	next, written, synced Position
	first                 Position // of the first record of this run
	known                 Position // all acknowledgements from here on are known

	recent, unwritten int           // bounds of memory, in bytes
	trouble           error         // why the disk takes nothing; nil when it does
	alarm             time.Duration // when the keeper is called next; 0: not
	markAt, retryAt   time.Duration
	readyAt           time.Duration // no spare segment is tried for before
	unmarked          int           // acknowledgements since the last mark
	full              bool          // there is no segment to write to until the oldest is given up

	saving  sync.Mutex // held by the one who writes the file of gaps; taken before the others
	syncing sync.Mutex // held by the one who syncs; taken before mu
	dirty   []*segment // those being synced

	reading sync.Mutex // guards cursors; taken before mu
	cursors [2]cursor  // one for each lane of the session
	turn    uint64

	began time.Time // of the queue's clock
	wake  chan struct{}
	timer *time.Timer
	stop  chan struct{}
	done  chan struct{}
}

// Open opens the queue in dir, which is made if it is missing, and begins a
// new epoch. It fails when the directory cannot be used, and with [ErrInUse]
// when another process uses it; never because of damage.
func Open(dir string, o Options) (*Queue, error) {
	q := newQueue(dir, o)
	if err := q.attach(); err != nil {
		return nil, openError(dir, err)
	}
	go q.keep()
	return q, nil
}

// OpenLater is for when Open has failed and sampling has to go on: the queue
// is held in memory, at most 4 MiB, and moves to dir as soon as that can be
// opened. It is tried every ten seconds; until then Stats tells what is wrong.
func OpenLater(dir string, o Options) *Queue {
	q := newQueue(dir, o)
	// The records that may be in dir come before those of this run, so leave
	// room for their positions: more than any earlier run can have used.
	q.begin(Position(max(1, time.Now().Unix()))*runLength, freshEpoch())
	if err := q.attach(); err != nil {
		q.fail(openError(dir, err))
	}
	go q.keep()
	return q
}

// InMemory is a queue that ends with the process. It holds maxSize bytes at
// most and then gives up the oldest records.
func InMemory(maxSize int) *Queue {
	q := newQueue("", Options{})
	q.unwritten = maxSize
	q.recent = min(maxSize, recentSize)
	q.begin(runLength, freshEpoch())
	go q.keep()
	return q
}

func newQueue(dir string, o Options) *Queue {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.disk.sync == nil {
		o.disk = realDisk()
	}
	q := &Queue{
		dir: dir, opt: o,
		recent: recentSize, unwritten: unwrittenMax,
		began: time.Now(),
		wake:  make(chan struct{}, 1),
		timer: time.NewTimer(time.Hour),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	q.timer.Stop()
	return q
}

// begin sets the position of the next record and the epoch of the run.
func (q *Queue) begin(next Position, epoch uint64) {
	q.first, q.next, q.written, q.synced = next, next, next-1, next-1
	q.known = next
	q.mark.acks.low = next - 1
	q.mark.epoch = epoch
}

// now is the queue's clock: time since it was made, never 0.
func (q *Queue) now() time.Duration { return time.Since(q.began) + 1 }

// Epoch is the number of this run, for the records it appends.
func (q *Queue) Epoch() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.mark.epoch
}

// Previous returns what the directory told of the run before.
func (q *Queue) Previous() Previous {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.previous
}

// Append puts r at the end of the queue. When it returns, r survives the death
// of the process, and with [Each] a power cut. If the disk takes nothing, r is
// held in memory instead and Stats says so; the error is only for a payload
// that is too long and a queue that is closed.
func (q *Queue) Append(r Record) (Position, error) {
	if len(r.Payload) > MaxPayload {
		return 0, fmt.Errorf("a payload of %d bytes does not fit the outbox: at most %d", len(r.Payload), MaxPayload)
	}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return 0, ErrClosed
	}
	now := q.now()
	q.makeRoom(len(r.Payload) + slotSize)
	p := q.next
	q.next++
	q.memory.push(p, r, now)
	if r.Epoch == q.mark.epoch {
		q.mark.lastSeq = max(q.mark.lastSeq, r.Seq)
	}
	if q.writable() {
		q.flush(0)
		if q.opt.Sync != Each {
			q.schedule(now + syncAge)
		}
	}
	full := q.full && q.writable()
	q.mu.Unlock()
	q.signal()
	for full { // more than the keeper can make room for beside
		full = q.dropOldest()
	}
	if q.opt.Sync == Each {
		q.sync(p)
	}
	return p, nil
}

// Ack notes that the record at p is delivered. The disk learns of it within
// 800 ms; if the process dies before, the record is delivered again.
func (q *Queue) Ack(p Position) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || p == 0 || p >= q.next || q.mark.acks.has(p) {
		return
	}
	q.mark.acks.add(p, p)
	for q.memory.len() > 0 && q.mark.acks.has(q.memory.first) {
		q.memory.drop()
	}
	if q.log == nil {
		return
	}
	if q.log.done() {
		q.log.reap()
	}
	q.unmarked++
	switch {
	case q.unmarked == 1:
		q.markAt = q.now() + markDelay
		q.schedule(q.markAt)
	case q.unmarked >= markCount && q.writable():
		q.flush(kindMark)
	}
}

// Last is the position of the newest record.
func (q *Queue) Last() Position {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.next - 1
}

// Wake returns a channel that gets a value after each Append and when there
// are new gaps. It is for one receiver.
func (q *Queue) Wake() <-chan struct{} { return q.wake }

func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Gaps returns what was lost, until [Queue.Told] says that it has been passed
// on. What was lost on disk is kept over a restart.
func (q *Queue) Gaps() []Gap {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.gaps.take()
}

// Told forgets what Gaps has returned, because records appended since tell it.
// Should a power cut take these, the next run returns it again.
func (q *Queue) Told() {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := &q.gaps
	g.told, g.telling = bounded(append(g.told, g.telling...)), nil
	g.toldBy = q.next - 1
	if q.writable() {
		q.schedule(q.now())
	}
}

// Stats returns the state of the queue.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	acks := &q.mark.acks
	s.Held = acks.missing(1, q.next-1)
	if q.dir != "" {
		s.HeldInMemory = acks.missing(q.written+1, q.next-1)
	} else {
		s.HeldInMemory = s.Held
	}
	if q.trouble != nil {
		s.Health = q.trouble.Error()
	}
	if s.Held == 0 {
		return s
	}
	s.Bytes = int64(q.memory.size())
	if q.log != nil {
		s.Bytes = q.log.size()
	}
	return s
}

// Close writes and syncs what is left and gives the directory free. Its error
// says what is lost by that.
func (q *Queue) Close() error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return nil
	}
	q.closed = true
	q.mu.Unlock()
	close(q.stop)
	<-q.done
	q.signal()

	q.saving.Lock()
	defer q.saving.Unlock()
	q.syncing.Lock()
	defer q.syncing.Unlock()
	q.reading.Lock()
	defer q.reading.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.dir == "" {
		return nil
	}
	return q.finish()
}

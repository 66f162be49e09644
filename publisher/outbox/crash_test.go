package outbox

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A model is what a queue should be: a plain list.
type model struct {
	records []Record
	acked   map[Position]bool
	dropped map[uint64]bool // seq told by gaps
}

func newModel() *model {
	return &model{acked: map[Position]bool{}, dropped: map[uint64]bool{}}
}

// waiting splits the records into those that have to be in the queue and those
// that were acknowledged, and may be there again after a crash.
func (m *model) waiting(epoch uint64) (must, may []Record) {
	for _, r := range m.records {
		if m.acked[r.Position] || r.Epoch == epoch && m.dropped[r.Seq] {
			may = append(may, r)
		} else {
			must = append(must, r)
		}
	}
	return must, may
}

// TestQueueAgainstModel runs random operations on a queue and on a plain list,
// with restarts and kills between, and compares them at each of these.
func TestQueueAgainstModel(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runModel(t, seeded(t, seed)) })
		})
	}
}

func runModel(t *testing.T, rnd *rand.Rand) {
	o := Options{MaxSize: small, Sync: []Sync{Lazy, Each}[rnd.IntN(2)]}
	q := open(t, t.TempDir(), o)
	defer func() { q.Close() }()
	m := newModel()
	var seq uint64 // over all runs, so that a seq names a record
	var back, live Position
	for range 40 {
		switch n := rnd.IntN(400); rnd.IntN(6) {
		case 0, 1:
			for range n {
				seq++
				m.records = append(m.records, add(t, q, seq, rnd.IntN(600)))
			}
		case 2: // the lane of the backlog
			for range n {
				if r, ok := q.Next(back, nil); ok {
					back = r.Position
					q.Ack(back)
					m.acked[back] = true
				}
			}
		case 3: // the lane of new records
			if live = max(live, q.Last()-min(q.Last(), Position(n))); live > back {
				for range n {
					if r, ok := q.Next(live, nil); ok {
						live = r.Position
						q.Ack(live)
						m.acked[live] = true
					}
				}
			}
		case 4:
			checkModel(t, q, m, true)
			if err := q.Close(); err != nil { // which may give up a segment, and tell of it
				t.Fatal(err)
			}
			q = open(t, q.dir, o)
			checkModel(t, q, m, true)
			back, live = 0, 0
		case 5:
			checkModel(t, q, m, true)
			killed := q
			q = open(t, copyDir(t, q.dir), o)
			killed.Close()
			checkModel(t, q, m, false)
			back, live = 0, 0
		}
	}
	checkModel(t, q, m, true)
}

// checkModel compares q with m: exactly, or as after a kill, when what was
// acknowledged can come again.
func checkModel(t *testing.T, q *Queue, m *model, exact bool) {
	t.Helper()
	time.Sleep(time.Millisecond) // the keeper does what is due
	synctest.Wait()
	q.makeReady() // a queue just opened does so at its next write, or when told
	for _, g := range gapsOf(q) {
		for seq := g.From; seq <= g.To; seq++ {
			m.dropped[seq] = true
		}
		if g.Reason != reasonFull {
			t.Fatalf("gap without damage: %+v", g)
		}
	}
	var must, may []Record
	for _, r := range m.records {
		switch {
		case m.dropped[r.Seq]:
		case m.acked[r.Position]:
			may = append(may, r)
		default:
			must = append(must, r)
		}
	}
	got := held(q)
	if exact {
		may = nil
	}
	if err := check(got, must, may); err != nil {
		t.Fatal(err)
	}
	for _, r := range got { // it is waiting again
		delete(m.acked, r.Position)
	}
}

// TestKillAtEveryWrite kills the agent after each single write(2) of a run that
// rolls, drops, begins segments anew and gets over failures.
func TestKillAtEveryWrite(t *testing.T) {
	synctest.Test(t, killAtEveryWrite) // where time stands still, and the keeper with it
}

func killAtEveryWrite(t *testing.T) {
	dir := t.TempDir()
	c := newCard()
	q := open(t, dir, Options{MaxSize: small, disk: c.disk()})
	defer q.Close()
	q.readyAt = time.Hour
	epoch := q.Epoch()
	m := newModel()
	kills := 0
	var failure error
	var pending []Record // handed to Append, which has not returned
	c.onWrite = func() {
		if kills++; kills%4 != 0 || failure != nil { // each fourth, to be done in time
			return
		}
		for _, g := range q.gaps.list { // the queue is locked by the writer
			for seq := g.From; seq <= g.To; seq++ {
				m.dropped[seq] = true
			}
		}
		must, may := m.waiting(epoch)
		copied := open(t, copyDir(t, dir), Options{MaxSize: small})
		defer copied.Close()
		if err := check(held(copied), must, append(may, pending...)); err != nil {
			failure = fmt.Errorf("after write %d: %w", kills, err)
		}
		if s := copied.Stats(); s.Damaged > 0 || s.SkippedBytes > 0 {
			failure = fmt.Errorf("after write %d: %+v", kills, s)
		}
	}
	put := func(seq uint64) {
		next := q.Last() + 1
		pending = []Record{{Position: next, Epoch: epoch, Seq: seq, Payload: payload(seq, 4000)}}
		r := add(t, q, seq, 4000)
		pending = nil
		m.records = append(m.records, r)
	}
	ack := func(n int) {
		for range n {
			if r, ok := q.Next(0, nil); ok {
				m.acked[r.Position] = true
				q.Ack(r.Position)
			}
		}
	}
	seq := uint64(0)
	for round := range 4 {
		for range 150 { // more than goes in
			seq++
			put(seq)
		}
		ack(60)
		switch round {
		case 1:
			q.sync(q.Last())
			for range 20 {
				seq++
				put(seq)
			}
			c.set(func() { c.failSync = syscall.EIO })
			q.sync(q.Last())
		case 2:
			ack(1000)
			for range 20 {
				seq++
				put(seq)
				ack(1)
			}
		}
	}
	if failure != nil {
		t.Error(failure)
	}
	if kills < 500 {
		t.Errorf("only %d writes", kills)
	}
}

// A mark of the former life that stands where the new one has not yet written
// is no damage, though it has the position the new life begins with.
func TestMarkOfAFormerLife(t *testing.T) {
	q := open(t, t.TempDir(), Options{})
	mark := func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.flush(kindMark)
	}
	var all []Record
	for seq := uint64(1); seq <= 5; seq++ {
		all = append(all, add(t, q, seq, 100))
	}
	mark()
	for _, r := range all {
		q.Ack(r.Position)
	}
	mark()
	q = open(t, copyDir(t, q.dir), Options{})
	if s := q.Stats(); s.Held != 0 || s.SkippedBytes != 0 || s.Damaged != 0 {
		t.Errorf("%+v", s)
	}
}

// More spans than a mark can carry mean duplicates, nothing else.
func TestManySpans(t *testing.T) {
	q := open(t, t.TempDir(), Options{})
	var must, may []Record
	for seq := uint64(1); seq <= 10000; seq++ {
		r := add(t, q, seq, 20)
		if seq%2 == 0 {
			q.Ack(r.Position)
			may = append(may, r)
		} else {
			must = append(must, r)
		}
	}
	q = open(t, copyDir(t, q.dir), Options{})
	if err := check(held(q), must, may); err != nil {
		t.Error(err)
	}
	if s := q.Stats(); s.SkippedBytes != 0 || s.Damaged != 0 || s.TornTails != 0 {
		t.Errorf("%+v", s)
	}
}

// kill ends a queue without letting it write anything.
func kill(q *Queue) {
	close(q.stop)
	<-q.done
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.log.close()
}

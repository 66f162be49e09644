package outbox

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQueueKeepsOrderAndForgetsTheAcknowledged(t *testing.T) {
	queues := map[string]func(t *testing.T) *Queue{
		"disk": func(t *testing.T) *Queue { return open(t, t.TempDir(), Options{MaxSize: small}) },
		"each": func(t *testing.T) *Queue {
			return open(t, t.TempDir(), Options{MaxSize: small, Sync: Each, disk: realDisk()})
		},
		"in memory": func(t *testing.T) *Queue { return InMemory(1 << 20) },
		"later":     func(t *testing.T) *Queue { return OpenLater("/dev/null/outbox", Options{}) },
	}
	for name, newQueue := range queues {
		t.Run(name, func(t *testing.T) {
			q := newQueue(t)
			defer q.Close()
			var want []Record
			for seq := uint64(1); seq <= 1000; seq++ {
				want = append(want, add(t, q, seq, 100))
			}
			if err := check(held(q), want, nil); err != nil {
				t.Fatal(err)
			}
			if got := q.Stats().Held; got != 1000 {
				t.Errorf("held %d, want 1000", got)
			}
			// Two lanes: the backlog from the front, new records from the middle.
			for i := range 300 {
				q.Ack(want[i].Position)
				q.Ack(want[500+i].Position)
			}
			want = slices.Concat(want[300:500], want[800:])
			if err := check(held(q), want, nil); err != nil {
				t.Error(err)
			}
			if r, ok := q.Next(q.Last(), nil); ok {
				t.Errorf("after the last comes %v", r)
			}
			if got := q.Stats().Held; got != 400 {
				t.Errorf("held %d, want 400", got)
			}
		})
	}
}

// What is read from the disk is the same as what memory would have given.
func TestQueueBacklogFromDisk(t *testing.T) {
	q := open(t, t.TempDir(), Options{})
	var want []Record
	for seq := uint64(1); seq <= 20000; seq++ { // 3 MB: memory has the end only
		want = append(want, add(t, q, seq, 120))
		if seq%1000 == 0 {
			q.sync(q.Last()) // so that memory does not have to keep it
		}
	}
	if q.memory.holds(want[19000-1].Position - 2000) {
		t.Error("memory has more than it should: the test tests nothing")
	}
	var back, live Position
	live = want[15000].Position
	for i := range 4000 { // lanes in turn, so that each needs its own cursor
		r, _ := q.Next(back, nil)
		if err := check([]Record{r}, want[i:i+1], nil); err != nil {
			t.Fatal(err)
		}
		l, _ := q.Next(live, nil)
		if err := check([]Record{l}, want[15001+i:15002+i], nil); err != nil {
			t.Fatal(err)
		}
		back, live = r.Position, l.Position
		q.Ack(back)
		q.Ack(live)
	}
	if got, want := q.Stats().Held, uint64(20000-8000); got != want {
		t.Errorf("held %d, want %d", got, want)
	}
}

func TestQueueReopens(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{MaxSize: small})
	epoch := q.Epoch()
	var all []Record
	for seq := uint64(1); seq <= 2000; seq++ {
		all = append(all, add(t, q, seq, 100))
	}
	for _, i := range []int{0, 1, 2, 1000, 1001, 1999} {
		q.Ack(all[i].Position)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Append(Record{}); !errors.Is(err, ErrClosed) {
		t.Errorf("appending to a closed queue: %v", err)
	}

	q = open(t, dir, Options{MaxSize: small})
	if err := check(held(q), slices.Concat(all[3:1000], all[1002:1999]), nil); err != nil {
		t.Error(err)
	}
	if q.Epoch() != epoch+1 {
		t.Errorf("epoch %d after %d", q.Epoch(), epoch)
	}
	if diff := cmp.Diff(Previous{Epoch: epoch, LastSeq: 2000, Clean: true}, q.Previous()); diff != "" {
		t.Error(diff)
	}
	if p := add(t, q, 1, 10).Position; p <= all[1999].Position {
		t.Errorf("position %d after %d", p, all[1999].Position)
	}
	if gaps := gapsOf(q); len(gaps) > 0 {
		t.Errorf("gaps %v", gaps)
	}
}

func TestQueueAfterKill(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	add(t, q, 1, 100)
	q.Ack(add(t, q, 2, 100).Position)
	epoch := q.Epoch()

	q = open(t, copyDir(t, dir), Options{})
	if diff := cmp.Diff(Previous{Epoch: epoch, LastSeq: 2}, q.Previous()); diff != "" {
		t.Error(diff)
	}
	// Nothing is appended before the next kill: the epoch before is still the
	// one to be closed.
	again := open(t, copyDir(t, q.dir), Options{})
	if diff := cmp.Diff(Previous{Epoch: epoch, LastSeq: 2}, again.Previous()); diff != "" {
		t.Error(diff)
	}
}

// Acknowledgements reach the disk in 800 ms, those of both lanes.
func TestQueueMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		q := open(t, dir, Options{})
		defer q.Close()
		var all []Record
		for seq := uint64(1); seq <= 10; seq++ {
			all = append(all, add(t, q, seq, 100))
		}
		for _, i := range []int{0, 1, 5, 8, 9} {
			q.Ack(all[i].Position)
		}
		time.Sleep(markDelay)
		synctest.Wait()
		copied := open(t, copyDir(t, dir), Options{})
		defer copied.Close()
		want := []Record{all[2], all[3], all[4], all[6], all[7]}
		if diff := cmp.Diff(want, held(copied)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestQueueMarksWithoutTime(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	add(t, q, 1, 100) // keeps the segment from beginning anew
	for seq := uint64(2); seq < 2+markCount; seq++ {
		q.Ack(add(t, q, seq, 100).Position)
	}
	copied := open(t, copyDir(t, dir), Options{})
	if got := copied.Stats().Held; got != 1 {
		t.Errorf("held %d after %d acknowledgements, want 1", got, markCount)
	}
}

func TestQueueWakes(t *testing.T) {
	q := open(t, t.TempDir(), Options{})
	select {
	case <-q.Wake():
		t.Error("awake without a record")
	default:
	}
	add(t, q, 1, 10)
	add(t, q, 2, 10)
	<-q.Wake()
	if got := len(held(q)); got != 2 {
		t.Errorf("%d records after waking, want 2", got)
	}
}

func TestQueueRefusesWhatDoesNotFit(t *testing.T) {
	q := open(t, t.TempDir(), Options{})
	if _, err := q.Append(Record{Payload: make([]byte, MaxPayload+1)}); err == nil {
		t.Error("a payload over the limit was taken")
	}
	var want []Record
	for seq := uint64(1); seq <= 6; seq++ {
		want = append(want, add(t, q, seq, MaxPayload))
	}
	want = append(want, add(t, q, 7, 0))
	if err := check(held(open(t, copyDir(t, q.dir), Options{})), want, nil); err != nil {
		t.Error(err)
	}
}

func TestQueueConcurrently(t *testing.T) {
	for _, sync := range []Sync{Lazy, Each} {
		t.Run(string(sync), func(t *testing.T) { concurrently(t, sync) })
	}
}

func concurrently(t *testing.T, policy Sync) {
	q := open(t, t.TempDir(), Options{MaxSize: small, Sync: policy})
	const writers, each = 4, 500
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				seq := uint64(w*each + i + 1)
				if _, err := q.Append(Record{Epoch: q.Epoch(), Seq: seq, Payload: payload(seq, 60)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	got := map[uint64]bool{}
	var p Position
	for len(got) < writers*each {
		r, ok := q.Next(p, nil)
		if !ok {
			<-q.Wake()
			continue
		}
		if got[r.Seq] {
			t.Fatalf("seq %d came twice", r.Seq)
		}
		got[r.Seq] = true
		p = r.Position
		q.Ack(p)
		q.Stats()
	}
	all.Wait()
	if s := q.Stats(); s.Held != 0 || s.Health != "" || s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	q := open(t, t.TempDir(), Options{})
	b := payload(1, 120)
	buf := make([]byte, 0, 256)
	seq := uint64(0)
	once := func() {
		seq++
		p, _ := q.Append(Record{Epoch: 1, Seq: seq, Payload: b})
		r, _ := q.Next(p-1, buf)
		q.Ack(r.Position)
	}
	once()
	if n := testing.AllocsPerRun(2000, once); n != 0 {
		t.Errorf("%v allocations for a record appended, read and acknowledged", n)
	}
	outage := func() {
		seq++
		q.Append(Record{Epoch: 1, Seq: seq, Payload: b})
	}
	for range 3000 { // memory grows to what it keeps of recent records
		outage()
	}
	if n := testing.AllocsPerRun(2000, outage); n != 0 {
		t.Errorf("%v allocations for a record appended in an outage", n)
	}
}

// A healthy gateway writes one page again and again, and hardly ever syncs.
func TestQueueSparesTheCard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCard()
		q := open(t, t.TempDir(), Options{disk: c.disk()})
		defer q.Close()
		began := q.Stats().BytesWritten
		syncs := c.syncs
		const n = 1000
		for seq := uint64(1); seq <= n; seq++ {
			r := add(t, q, seq, 120)
			time.Sleep(20 * time.Millisecond)
			q.Ack(r.Position)
			time.Sleep(80 * time.Millisecond)
		}
		if c.syncs != syncs {
			t.Errorf("%d syncs while the broker keeps up", c.syncs-syncs)
		}
		if seg := activeSegment(q); seg.used > page {
			t.Errorf("the segment is used up to %d, want its first page only", seg.used)
		}
		t.Logf("%d bytes written per reading of 120", (q.Stats().BytesWritten-began)/n)
	})
}

package outbox

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQueueDropsOldest(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{MaxSize: small})
	epoch := q.Epoch()
	lost := map[uint64]bool{}
	drain := func() {
		for _, g := range gapsOf(q) {
			if g.Epoch != epoch || g.Reason != reasonFull || g.Count != g.To-g.From+1 {
				t.Errorf("gap %+v", g)
			}
			for seq := g.From; seq <= g.To; seq++ {
				if lost[seq] {
					t.Errorf("seq %d told twice", seq)
				}
				lost[seq] = true
			}
		}
	}
	acked := map[uint64]bool{}
	const n = 12001
	for seq := uint64(2); seq <= n; seq++ {
		// In pairs out of order, and with events between.
		r := add(t, q, seq^1, 100)
		if seq/50%14 == 0 {
			q.Ack(r.Position)
			acked[seq^1] = true
		}
		if seq%100 == 0 {
			if _, err := q.Append(Record{Payload: []byte("event")}); err != nil {
				t.Fatal(err)
			}
		}
		if seq%500 == 0 {
			drain()
		}
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, dir, Options{MaxSize: small})
	q.makeReady() // the keeper would, and may give up a segment for that
	drain()
	there := map[uint64]bool{}
	for _, r := range held(q) {
		there[r.Seq] = true
	}
	for seq := uint64(2); seq <= n; seq++ {
		is := 0
		for _, m := range []map[uint64]bool{lost, acked, there} {
			if m[seq^1] {
				is++
			}
		}
		if is != 1 {
			t.Fatalf("seq %d: lost %v, acknowledged %v, held %v", seq^1, lost[seq^1], acked[seq^1], there[seq^1])
		}
	}
	if len(lost) == 0 {
		t.Error("nothing was dropped: the test tests nothing")
	}
	var size int64
	for _, name := range list(dir) {
		size += fileSize(t, dir, name)
	}
	if size > small+2*page {
		t.Errorf("%d bytes on disk, want at most %d", size, small)
	}
}

// Records without a number, which cannot be told as a gap, must leave room for
// new ones all the same.
func TestQueueFullOfRecordsWithoutNumber(t *testing.T) {
	q := open(t, t.TempDir(), Options{MaxSize: small})
	const n = 20000
	for i := uint64(1); i <= n; i++ {
		r := Record{Epoch: q.Epoch(), Payload: payload(i, 100)}
		if i > n-1000 {
			r.Seq = i
		}
		if _, err := q.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	all := held(q)
	if len(all) < 1000 || all[len(all)-1].Seq != n {
		t.Fatalf("%d records, the last %d", len(all), all[len(all)-1].Seq)
	}
	numbered := 0
	for _, r := range all {
		if r.Seq > 0 {
			numbered++
		}
	}
	if numbered != 1000 {
		t.Errorf("%d of the newest 1000 are there", numbered)
	}
}

func TestInMemoryDropsOldest(t *testing.T) {
	q := InMemory(100 << 10)
	defer q.Close()
	for seq := uint64(1); seq <= 5000; seq++ {
		add(t, q, seq, 1000)
	}
	all := held(q)
	first := all[0].Seq
	if n := len(all); n < 80 || n > 100 || all[n-1].Seq != 5000 {
		t.Errorf("%d records, the last %d; want about 97 up to 5000", n, all[n-1].Seq)
	}
	want := []Gap{{q.Epoch(), 1, first - 1, first - 1, reasonFull}}
	if diff := cmp.Diff(want, gapsOf(q)); diff != "" {
		t.Error(diff)
	}
	if got := q.Stats().Dropped; got != first-1 {
		t.Errorf("dropped %d, want %d", got, first-1)
	}
}

// What damage has hidden from a person who drops the rest is told as well.
func TestDropTellsOfDamage(t *testing.T) {
	dir, epoch := damagedLog(t)
	if _, err := Drop(dir); err != nil {
		t.Fatal(err)
	}
	want := []Gap{
		{epoch, 1, 7, 7, reasonByHand},
		{epoch, 9, 20, 12, reasonByHand},
		{epoch, 8, 8, 1, reasonDoubt},
	}
	if diff := cmp.Diff(want, gapsOf(open(t, dir, Options{}))); diff != "" {
		t.Error(diff)
	}
}

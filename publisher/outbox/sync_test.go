package outbox

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// What is appended while a sync is under way is not taken for synced.
func TestAppendDuringSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCard()
		dir := t.TempDir()
		q := open(t, dir, Options{disk: c.disk()})
		defer q.Close()
		want := []Record{add(t, q, 1, 100)}
		c.set(func() {
			c.onSync = func() {
				if len(want) == 1 {
					want = append(want, add(t, q, 2, 100))
				}
			}
		})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		after := open(t, c.cut(t, dir, seeded(t, 0)), Options{})
		defer after.Close()
		if err := check(held(after), want, nil); err != nil || len(want) != 2 {
			t.Errorf("%d records: %v", len(want), err)
		}
	})
}

// One sync serves all who wait for one.
func TestSharedSync(t *testing.T) {
	c := newCard()
	q := open(t, t.TempDir(), Options{disk: c.disk()})
	for seq := uint64(1); seq <= 10; seq++ {
		add(t, q, seq, 100)
	}
	before := c.syncs
	for p := q.Last() - 9; p <= q.Last(); p++ {
		q.sync(p)
	}
	if n := q.Stats().Syncs; n != 1 || c.syncs != before+1 {
		t.Errorf("%d syncs counted, %d made, want 1", n, c.syncs-before)
	}
}

// The oldest record decides, however many come and go after it; and while
// nothing waits for long nothing is synced.
func TestLazySync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCard()
		q := open(t, t.TempDir(), Options{disk: c.disk()})
		defer q.Close()
		c.syncs = 0
		run := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); {
				r := add(t, q, 1, 100)
				time.Sleep(7 * time.Millisecond)
				q.Ack(r.Position)
				time.Sleep(3 * time.Millisecond)
			}
			synctest.Wait()
		}
		run(10 * time.Second)
		if c.syncs != 0 {
			t.Errorf("%d syncs while each record is acknowledged at once", c.syncs)
		}
		add(t, q, 2, 100) // stays
		run(780 * time.Millisecond)
		if c.syncs != 0 {
			t.Errorf("%d syncs before a record has waited for %v", c.syncs, syncAge)
		}
		run(100 * time.Millisecond)
		if c.syncs != 1 {
			t.Errorf("%d syncs when a record has waited for %v, want 1", c.syncs, syncAge)
		}
		run(10 * time.Second)
		if c.syncs != 1 {
			t.Errorf("%d syncs for one record", c.syncs)
		}
		var held int
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); held++ {
			add(t, q, 3, 100)
			time.Sleep(10 * time.Millisecond)
		}
		if got := c.syncs - 1; got < 10 || got > 13 {
			t.Errorf("%d syncs in 10 s of outage, want about one in %v", got, syncAge)
		}
	})
}

// A card that takes seconds to save a gap does not hold up an Append, nor do
// those who are told.
func TestAppendDoesNotWaitForGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slow = 5 * time.Second
		saves := 0
		d := realDisk()
		d.sync = func(*os.File) error { return nil }
		d.replace = func(path string, content []byte) error {
			saves++
			time.Sleep(slow)
			return os.WriteFile(path, content, 0o600)
		}
		q := open(t, t.TempDir(), Options{MaxSize: small, disk: d})
		defer q.Close()
		var longest time.Duration
		seq := uint64(0)
		tick := func() {
			seq++
			began := time.Now()
			add(t, q, seq, 100)
			longest = max(longest, time.Since(began))
			time.Sleep(100 * time.Millisecond)
		}
		for q.Stats().Dropped < 3000 {
			tick()
		}
		q.Gaps()
		go q.Told()
		for range 100 {
			tick()
		}
		if longest > 0 {
			t.Errorf("an Append took %v", longest)
		}
		if saves < 3 {
			t.Errorf("gaps were saved %d times: the test tests nothing", saves)
		}
		synctest.Wait()
	})
}

// The gaps are on the disk before a byte of what they tell of is overwritten.
func TestGapsAreSavedBeforeTheRecordsGo(t *testing.T) {
	d := realDisk()
	d.sync = func(*os.File) error { return nil }
	saving, release := make(chan struct{}, 1), make(chan struct{})
	d.replace = func(path string, content []byte) error {
		select {
		case saving <- struct{}{}:
		default:
		}
		<-release
		return os.WriteFile(path, content, 0o600)
	}
	q := open(t, t.TempDir(), Options{MaxSize: small, disk: d})
	done := make(chan struct{})
	go func() {
		defer close(done)
		overflow(t, q, 1)
	}()
	<-saving
	killed := open(t, copyDir(t, q.dir), Options{}) // with room, so that it gives up nothing itself
	all, gaps := held(killed), gapsOf(killed)
	if len(all) < 2000 || all[0].Seq != 1 || all[len(all)-1].Seq != uint64(len(all)) || len(gaps) > 0 {
		t.Errorf("%d records while the gaps are being saved, from %d on, and gaps %v", len(all), all[0].Seq, gaps)
	}
	close(release)
	<-done
}

// Those who append at the same time share syncs: each waits for the one under
// way, which may have begun before its record was written, and the next.
func TestAppendsShareSyncs(t *testing.T) {
	const streams = 16
	c := newCard()
	q := open(t, t.TempDir(), Options{Sync: Each, disk: c.disk()})
	last := q.Last() + streams
	c.set(func() {
		c.onSync = func() {
			for q.Last() < last { // a sync that takes as long as the others need to append
				runtime.Gosched()
			}
		}
	})
	var all sync.WaitGroup
	for seq := range uint64(streams) {
		all.Go(func() { add(t, q, seq+1, 100) })
	}
	all.Wait()
	c.set(func() { c.onSync = nil })
	if n := q.Stats().Syncs; n > 2 {
		t.Errorf("%d syncs for %d appends at the same time", n, streams)
	}
}

// A damaged segment that is set aside while it is synced is no failing disk.
func TestSetAsideDuringSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, _ := damagedLog(t)
		var q *Queue
		var armed atomic.Bool
		d := realDisk()
		d.sync = func(f *os.File) error {
			if armed.CompareAndSwap(true, false) {
				for _, r := range held(q) {
					q.Ack(r.Position)
				}
				q.Ack(add(t, q, 2, 1000).Position) // a new life elsewhere
			}
			return fdatasync(f)
		}
		q = open(t, dir, Options{disk: d})
		defer q.Close()
		r := add(t, q, 1, 100)
		synctest.Wait() // the keeper makes a segment ready
		armed.Store(true)
		q.sync(r.Position)
		if s := q.Stats(); s.SyncErrors > 0 || len(bad(dir)) != 1 {
			t.Errorf("%d segments set aside, %+v", len(bad(dir)), s)
		}
	})
}

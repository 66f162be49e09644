package outbox

import (
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

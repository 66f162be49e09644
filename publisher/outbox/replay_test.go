package outbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// After a failed sync the pages can be gone though the next sync succeeds. What
// was not synced has to be written again.
func TestFailedSync(t *testing.T) {
	for _, told := range []bool{true, false} { // false is the control
		t.Run(fmt.Sprintf("told %v", told), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { failedSync(t, told) })
		})
	}
}

func failedSync(t *testing.T, told bool) {
	c := newCard()
	dir := t.TempDir()
	q := open(t, dir, Options{disk: c.disk()})
	defer q.Close()
	var want []Record
	addUpTo := func(last uint64) {
		for seq := uint64(len(want) + 1); seq <= last; seq++ {
			want = append(want, add(t, q, seq, 300))
		}
	}
	addUpTo(50)
	q.sync(q.Last())
	synced := activeSegment(q).used
	addUpTo(100)
	if told {
		c.set(func() { c.failSync = syscall.EIO })
	} else {
		c.set(func() { clear(c.pending) })
	}
	q.sync(q.Last())
	if told { // and the page cache forgets what it could not write
		f, err := os.OpenFile(segmentFiles(t, dir)[0], os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteAt(make([]byte, 2000), synced)
		f.Close()
	}
	addUpTo(120)
	time.Sleep(time.Second)
	synctest.Wait()
	q.mu.Lock()
	q.memory = memory{first: q.next} // so that all is read from the disk
	q.mu.Unlock()

	after := open(t, c.cut(t, dir, seeded(t, 1)), Options{})
	defer after.Close()
	err := check(held(after), want, nil)
	if !told {
		if err == nil {
			t.Error("pages were lost, and the check has not seen it")
		}
		return
	}
	if err != nil {
		t.Error(err)
	}
	if err := check(held(q), want, nil); err != nil {
		t.Errorf("while running: %v", err)
	}
	s := q.Stats()
	if s.SyncErrors == 0 || s.Health != "" {
		t.Errorf("%+v", s)
	}
}

// A power cut while a segment is written again loses nothing that was there
// before.
func TestPowerCutWithinReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCard()
		dir := t.TempDir()
		q := open(t, dir, Options{MaxSize: small, disk: c.disk()})
		defer q.Close()
		var all []Record
		for seq := uint64(1); seq <= 100; seq++ {
			all = append(all, add(t, q, seq, 300))
		}
		q.mu.Lock()
		q.stats.SyncErrors++
		q.fail(syscall.EIO) // and half of it is on the disk
		c.set(func() { c.failSync = syscall.EIO })
		q.log.sync(q.log.active())
		q.written = q.memory.first - 1
		before := open(t, c.cut(t, dir, seeded(t, 0)), Options{MaxSize: small})
		must := held(before)
		before.Close()
		cuts := 0
		c.onWrite = func() {
			for seed := range uint64(20) {
				cuts++
				after := open(t, c.cut(t, dir, seeded(t, seed)), Options{MaxSize: small})
				if err := check(held(after), must, all); err != nil {
					t.Error(err)
				}
				after.Close()
			}
		}
		q.revive()
		c.onWrite = nil
		q.mu.Unlock()
		if len(must) < 20 || cuts < 40 {
			t.Errorf("%d cuts with %d records to find: the test tests nothing", cuts, len(must))
		}
	})
}

// In a full log whose every segment has to be written again, nothing is given
// up that memory still has.
func TestFailedSyncOfAFullLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCard()
		q := open(t, t.TempDir(), Options{MaxSize: small, disk: c.disk()})
		defer q.Close()
		var want []Record
		for seq := uint64(1); seq <= 110; seq++ { // in all four segments
			want = append(want, add(t, q, seq, 4000))
		}
		c.set(func() { c.failSync = syscall.EIO })
		q.sync(q.Last())
		if gaps := gapsOf(q); len(gaps) > 0 {
			t.Errorf("gaps %+v", gaps)
		}
		if err := check(held(q), want, nil); err != nil {
			t.Error(err)
		}
	})
}

// A segment that was replaced, but came out of a power cut under its old name,
// is not written on.
func TestReplacedSegmentIsNotWritten(t *testing.T) {
	c := newCard()
	dir := t.TempDir()
	q := open(t, dir, Options{MaxSize: small, disk: c.disk()})
	want := []Record{add(t, q, 1, 100)}
	c.set(func() { c.failSync = syscall.EIO })
	q.sync(q.Last())
	kill(q)
	bad, _ := filepath.Glob(filepath.Join(dir, badPattern))
	if len(bad) != 1 {
		t.Fatalf("set aside: %v", bad)
	}
	if err := os.Rename(bad[0], strings.TrimSuffix(bad[0], ".bad")+".seg"); err != nil {
		t.Fatal(err)
	}
	q = open(t, dir, Options{MaxSize: small})
	want = append(want, add(t, q, 2, 100))
	kill(q)
	q = open(t, dir, Options{MaxSize: small})
	if err := check(held(q), want, nil); err != nil {
		t.Error(err)
	}
}

// A segment that is replaced while it is read has lost nothing.
func TestReplacedWhileRead(t *testing.T) {
	c := newCard()
	q := open(t, t.TempDir(), Options{disk: c.disk()})
	var want []Record
	for seq := uint64(1); seq <= 50; seq++ {
		want = append(want, add(t, q, seq, 100))
	}
	q.mu.Lock()
	seg := q.log.active()
	life := *seg
	q.mu.Unlock()
	c.set(func() { c.failSync = syscall.EIO })
	q.sync(q.Last())
	if activeSegment(q).name == life.name {
		t.Fatal("not replaced: the test tests nothing")
	}
	if r, ok := q.read(want[30].Position, seg, life, nil); ok {
		t.Errorf("read %v", r)
	}
	if s := q.Stats(); s.Damaged > 0 {
		t.Errorf("%+v", s)
	}
	if err := check(held(q), want, nil); err != nil {
		t.Error(err)
	}
}

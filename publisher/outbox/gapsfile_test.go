package outbox

import (
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/internal/durable"
)

// Gaps that could not be saved, because the disk was full, are saved later.
func TestGapsAreSavedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := realDisk()
		d.sync = func(*os.File) error { return nil }
		var full atomic.Bool
		full.Store(true)
		var failed atomic.Int32
		d.replace = func(path string, content []byte) error {
			if full.Load() {
				failed.Add(1)
				return &os.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}
			}
			return durable.Write(path, content)
		}
		q := open(t, t.TempDir(), Options{MaxSize: small, disk: d})
		defer q.Close()
		overflow(t, q, 1)
		time.Sleep(time.Hour)
		synctest.Wait()
		before := failed.Load()
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := failed.Load() - before; n > 6 {
			t.Errorf("tried %d times in a minute", n)
		}
		full.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		killed := open(t, copyDir(t, q.dir), Options{MaxSize: small})
		defer killed.Close()
		if diff := cmp.Diff(gapsOf(q), gapsOf(killed)); diff != "" {
			t.Error(diff)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if q.alarm != 0 {
			t.Errorf("alarm %v", q.alarm)
		}
	})
}

// What was lost in memory while the disk took nothing is told after a restart
// as well.
func TestGapsOfMemoryAreToldOverRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCard()
		q := open(t, t.TempDir(), Options{disk: c.disk()})
		c.set(func() { c.readOnly = true })
		for seq := uint64(1); seq <= 5000; seq++ {
			add(t, q, seq, 1000)
		}
		c.set(func() { c.readOnly = false })
		time.Sleep(retryDelay)
		synctest.Wait()
		killed := open(t, copyDir(t, q.dir), Options{})
		defer killed.Close()
		q.Close()
		closed := open(t, q.dir, Options{})
		defer closed.Close()
		for name, q := range map[string]*Queue{"killed": killed, "closed": closed} {
			gaps := gapsOf(q)
			if len(gaps) != 1 || gaps[0].Reason != reasonMemory || gaps[0].Count+uint64(len(held(q))) != 5000 {
				t.Errorf("%s: gaps %v, held %d", name, gaps, len(held(q)))
			}
		}
	})
}

// When a disk takes records again, it is told first what memory could not hold:
// a kill at any write leaves a reading there, or told.
func TestMemoryGapsAreSavedBeforeTheMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCard()
		q := open(t, t.TempDir(), Options{disk: c.disk()})
		defer q.Close()
		const n = 5000
		add(t, q, 1, 1000)
		c.set(func() { c.readOnly = true })
		for seq := uint64(2); seq <= n; seq++ {
			add(t, q, seq, 1000)
		}
		var dirs []string
		c.set(func() {
			c.readOnly = false
			c.onWrite = func() { dirs = append(dirs, copyDir(t, q.dir)) }
		})
		time.Sleep(retryDelay)
		synctest.Wait()
		c.set(func() { c.onWrite = nil })
		for i, dir := range dirs {
			killed := open(t, dir, Options{})
			all, told := held(killed), uint64(0)
			for _, g := range gapsOf(killed) {
				told += g.Count
			}
			if last := all[len(all)-1].Seq; told+uint64(len(all)) < last {
				t.Errorf("killed at write %d: %d held up to %d, %d told", i, len(all), last, told)
			}
			killed.Close()
		}
		if len(dirs) < 4 {
			t.Errorf("%d writes", len(dirs))
		}
	})
}

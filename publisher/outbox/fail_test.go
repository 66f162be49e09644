package outbox

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// With a full or read-only disk records wait in memory, in order, and are
// written when it takes them again.
func TestFullDisk(t *testing.T) {
	for name, trouble := range map[string]func(c *card, on bool){
		"full":      func(c *card, on bool) { c.set(func() { c.full = on }) },
		"read-only": func(c *card, on bool) { c.set(func() { c.readOnly = on }) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCard()
				dir := t.TempDir()
				q := open(t, dir, Options{MaxSize: small, disk: c.disk()})
				defer q.Close()
				q.mu.Lock()
				q.readyAt = time.Hour // no segment is ready when the trouble begins
				q.mu.Unlock()
				var want []Record
				for seq := uint64(1); seq <= 100; seq++ {
					want = append(want, add(t, q, seq, 1000))
				}
				trouble(c, true)
				for seq := uint64(101); seq <= 300; seq++ { // over the end of the segment
					want = append(want, add(t, q, seq, 1000))
				}
				s := q.Stats()
				if s.Health == "" || s.HeldInMemory == 0 || s.Held != 300 {
					t.Errorf("%+v", s)
				}
				if err := check(held(q), want, nil); err != nil {
					t.Error(err)
				}
				for _, r := range want[:150] {
					q.Ack(r.Position)
				}
				want = want[150:]
				time.Sleep(3 * retryDelay)
				synctest.Wait()
				if q.Stats().Health == "" {
					t.Error("well again, though nothing has changed")
				}
				trouble(c, false)
				time.Sleep(retryDelay + time.Second)
				synctest.Wait()
				s = q.Stats()
				if s.Health != "" || s.HeldInMemory != 0 || s.Held != 150 {
					t.Errorf("%+v", s)
				}
				after := open(t, copyDir(t, dir), Options{MaxSize: small})
				defer after.Close()
				if err := check(held(after), want, nil); err != nil {
					t.Error(err)
				}
				if gaps := gapsOf(q); len(gaps) > 0 {
					t.Errorf("gaps %v", gaps)
				}
				for _, name := range segmentFiles(t, dir) {
					if n := fileSize(t, dir, filepath.Base(name)); n != q.log.segmentSize {
						t.Errorf("%s has %d bytes, want %d", name, n, q.log.segmentSize)
					}
				}
			})
		})
	}
}

// What memory cannot hold while the disk takes nothing is told.
func TestFullDiskAndFullMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCard()
		q := open(t, t.TempDir(), Options{MaxSize: small, disk: c.disk()})
		defer q.Close()
		add(t, q, 1, 1000)
		c.set(func() { c.readOnly = true })
		const n = 6000
		for seq := uint64(2); seq <= n; seq++ {
			add(t, q, seq, 1000)
		}
		gaps := gapsOf(q)
		if len(gaps) != 1 || gaps[0].From != 2 || gaps[0].Count < 1000 || gaps[0].Count > 2500 || gaps[0].Reason != reasonMemory {
			t.Fatalf("gaps %+v", gaps)
		}
		c.set(func() { c.readOnly = false })
		time.Sleep(retryDelay)
		synctest.Wait()
		// More was in memory than fits the log: the rest is told too.
		gaps = append(gaps, gapsOf(q)...)
		all := held(q)
		var missing uint64
		for _, g := range gaps {
			missing += g.Count
		}
		if missing+uint64(len(all)) != n || all[len(all)-1].Seq != n {
			t.Errorf("held %d up to %d, told %d, want %d together", len(all), all[len(all)-1].Seq, missing, n)
		}
		if s := q.Stats(); s.Health != "" || s.HeldInMemory != 0 {
			t.Errorf("%+v", s)
		}
		for _, r := range all {
			q.Ack(r.Position)
		}
		if n := cap(q.memory.data); n > 0 {
			t.Errorf("%d bytes are kept after the trouble", n)
		}
	})
}

func TestCloseTellsWhatItLoses(t *testing.T) {
	c := newCard()
	q := open(t, t.TempDir(), Options{disk: c.disk()})
	c.set(func() { c.readOnly = true })
	add(t, q, 1, 100)
	if err := q.Close(); err == nil || !strings.Contains(err.Error(), "1 record") {
		t.Errorf("close: %v", err)
	}
}

func TestOpenLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// An outbox with a backlog, on a disk that is mounted late.
		parent := t.TempDir()
		dir := filepath.Join(parent, "outbox")
		q, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		old := []Record{add(t, q, 1, 100), add(t, q, 2, 100), add(t, q, 3, 100)}
		q.Ack(old[1].Position)
		old = []Record{old[0], old[2]}
		q.Close()
		hide := func() {
			os.Rename(dir, dir+".away")
			os.WriteFile(dir, nil, 0o600)
		}
		for round := range 3 {
			hide()
			if _, err := Open(dir, Options{}); err == nil {
				t.Fatal("opened a file as a directory")
			}
			q := OpenLater(dir, Options{})
			defer q.Close()
			if h := q.Stats().Health; !strings.Contains(h, dir) {
				t.Errorf("health %q", h)
			}
			var fresh []Record
			for seq := uint64(1); seq <= 10; seq++ {
				fresh = append(fresh, add(t, q, seq, 100))
			}
			q.Ack(fresh[0].Position)
			q.Ack(fresh[5].Position)
			time.Sleep(2*retryDelay + time.Second) // not when the keeper tries
			if err := errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(retryDelay)
			synctest.Wait()
			if s := q.Stats(); s.Health != "" || s.HeldInMemory != 0 {
				t.Errorf("%+v", s)
			}
			old = append(append(append([]Record{}, old...), fresh[1:5]...), fresh[6:]...)
			if diff := cmp.Diff(old, held(q)); diff != "" {
				t.Fatalf("round %d: %s", round, diff)
			}
			epoch := q.Epoch()
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			q, err = Open(dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if q.Epoch() <= epoch {
				t.Errorf("epoch %d after %d", q.Epoch(), epoch)
			}
			if diff := cmp.Diff(old, held(q)); diff != "" {
				t.Fatalf("round %d: %s", round, diff)
			}
			if gaps := gapsOf(q); len(gaps) > 0 {
				t.Errorf("gaps %v", gaps)
			}
			q.Close()
		}
	})
}

func TestOneAgentPerDirectory(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	_, err := Open(dir, Options{})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("a second agent: %v", err)
	}
	if _, err := Drop(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("dropping a queue in use: %v", err)
	}
	other := open(t, t.TempDir(), Options{})
	other.Close()
	q.Close()
	open(t, dir, Options{})
}

func TestOpenNeedsADirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "outbox"), Options{}); err == nil {
		t.Error("opened in a file")
	}
	dir := filepath.Join(t.TempDir(), "a", "b")
	open(t, dir, Options{})
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	for _, name := range list(dir) {
		if info, _ := os.Stat(filepath.Join(dir, name)); info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v", name, info.Mode())
		}
	}
}

// The keeper is not called when there is nothing to do.
func TestQueueAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, t.TempDir(), Options{})
		defer q.Close()
		q.Ack(add(t, q, 1, 100).Position)
		time.Sleep(time.Second)
		synctest.Wait()
		if q.alarm != 0 {
			t.Errorf("all is acknowledged, and the keeper is called in %v", q.alarm-q.now())
		}
		add(t, q, 2, 100) // held through an outage
		time.Sleep(time.Second)
		synctest.Wait()
		if q.alarm != 0 {
			t.Errorf("all is synced, and the keeper is called in %v", q.alarm-q.now())
		}
	})
}

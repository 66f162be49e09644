package outbox

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/internal/durable"
)

// overflow appends readings until the queue has given up more than a segment.
func overflow(t *testing.T, q *Queue, seq uint64) uint64 {
	t.Helper()
	for dropped := q.Stats().Dropped; q.Stats().Dropped < dropped+1000; seq++ {
		add(t, q, seq, 100)
	}
	return seq
}

// What was given up is told after a restart, if it was not before, and after a
// kill as well; what was told is not told again.
func TestGapsAreToldOverRestarts(t *testing.T) {
	for _, kill := range []bool{false, true} {
		dir := t.TempDir()
		q := open(t, dir, Options{MaxSize: small})
		epoch := q.Epoch()
		q.mu.Lock()
		q.readyAt = time.Hour // nothing is given up beside
		q.mu.Unlock()
		overflow(t, q, 1)
		lost := q.Stats().Dropped
		if kill {
			dir = copyDir(t, dir)
		} else if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		q = open(t, dir, Options{MaxSize: small})
		want := []Gap{{epoch, 1, lost, lost, reasonFull}}
		for range 2 { // until told
			if diff := cmp.Diff(want, q.Gaps()); diff != "" {
				t.Errorf("kill %v: %s", kill, diff)
			}
		}
		q.Told()
		q.keepGaps() // not when the keeper does
		again := open(t, copyDir(t, dir), Options{MaxSize: small})
		if gaps := gapsOf(again); len(gaps) > 0 {
			t.Errorf("kill %v: told again: %v", kill, gaps)
		}
	}
}

// What a person has dropped is told as well.
func TestDroppedByHandIsTold(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	for seq := uint64(1); seq <= 10; seq++ {
		add(t, q, seq, 100)
	}
	epoch := q.Epoch()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := Drop(dir); n != 10 || err != nil {
		t.Fatalf("dropped %d, %v", n, err)
	}
	want := []Gap{{epoch, 1, 10, 10, reasonByHand}}
	if diff := cmp.Diff(want, gapsOf(open(t, dir, Options{}))); diff != "" {
		t.Error(diff)
	}
}

// A kill between the file that tells of readings and the end of these: they are
// delivered, and not told to be lost.
func TestWhatIsThereIsNotTold(t *testing.T) {
	d := realDisk()
	var dirs []string
	d.replace = func(path string, content []byte) error {
		err := durable.Write(path, content)
		dirs = append(dirs, copyDir(t, filepath.Dir(path)))
		return err
	}
	d.sync = func(*os.File) error { return nil }
	q := open(t, t.TempDir(), Options{MaxSize: small, disk: d})
	overflow(t, q, 1)
	q.Close()
	if len(dirs) == 0 {
		t.Fatal("no gap was saved: the test tests nothing")
	}
	for _, dir := range dirs {
		q := open(t, dir, Options{MaxSize: small})
		gaps, all := gapsOf(q), held(q)
		for _, g := range gaps {
			for _, r := range all {
				if r.Epoch == g.Epoch && r.Seq >= g.From && r.Seq <= g.To {
					t.Fatalf("%+v tells of %d, which is there", g, r.Seq)
				}
			}
		}
	}
}

// The file forgets a gap only when a power cut cannot take the event any more
// that tells it.
func TestToldIsKeptUntilTheEventIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, t.TempDir(), Options{MaxSize: small})
		defer q.Close()
		overflow(t, q, 1)
		q.sync(q.Last())
		gaps := slices.Clone(q.Gaps())
		event, err := q.Append(Record{Epoch: q.Epoch(), Payload: []byte("a gap")})
		if err != nil || len(gaps) == 0 {
			t.Fatal(gaps, err)
		}
		q.Told()
		time.Sleep(syncAge / 2)
		synctest.Wait()
		if q.synced >= event {
			t.Fatal("synced already: the test tests nothing")
		}
		if diff := cmp.Diff(gaps, readGaps(q.dir)); diff != "" {
			t.Errorf("before the event is synced: %s", diff)
		}
		if again := q.Gaps(); len(again) > 0 {
			t.Errorf("told again: %v", again)
		}
		time.Sleep(3 * syncAge)
		synctest.Wait()
		if left := readGaps(q.dir); len(left) > 0 || q.alarm != 0 {
			t.Errorf("left: %v, alarm %v", left, q.alarm)
		}
	})
}

// An outage with more damaged starts than there are segments: nothing is given
// up for that while there is room, and all that is lost is told, once.
func TestManyDamagedStarts(t *testing.T) {
	dir := t.TempDir()
	taken := map[reading]bool{}
	for range 70 {
		q := open(t, dir, Options{MaxSize: small})
		var torn string
		for seq := uint64(1); seq <= 20; seq++ {
			r := add(t, q, seq, 200)
			taken[reading{r.Epoch, r.Seq}] = true
			if seq == 11 {
				torn = activeSegment(q).name
			}
		}
		kill(q)
		change(t, torn, func(b []byte) []byte {
			from := bytes.LastIndex(b, payload(11, 200))
			clear(b[from:min(from+512, len(b))])
			return b
		})
	}
	q := open(t, dir, Options{MaxSize: small})
	gaps, all := gapsOf(q), held(q)
	if err := checkGaps(gaps, all, taken, nil); err != nil {
		t.Error(err)
	}
	for _, r := range all {
		delete(taken, reading{r.Epoch, r.Seq})
	}
	for _, g := range gaps {
		if g.Reason != reasonDoubt {
			t.Errorf("%+v", g)
		}
		for seq := g.From; seq <= g.To; seq++ {
			delete(taken, reading{g.Epoch, seq})
		}
	}
	if len(taken) > 0 || len(gaps) != 70 {
		t.Errorf("%d gaps, %d readings neither held nor told", len(gaps), len(taken))
	}
}

// Gaps that nobody asks for are bounded, and those too many for that still say
// that something was lost.
func TestGapsAreBounded(t *testing.T) {
	const n = 5000
	var g gaps
	for i := uint64(1); i <= n; i++ { // of one epoch
		g.addRange(Gap{1, 3 * i, 3 * i, 1, []string{reasonFull, reasonDoubt}[i%2]})
	}
	var count uint64
	list := g.take()
	for _, gap := range list {
		count += gap.Count
	}
	if len(list) > maxGaps || count != n || list[0].From != 3 || list[len(list)-1].To != 3*n {
		t.Errorf("%d gaps of %d readings, from %+v to %+v", len(list), count, list[0], list[len(list)-1])
	}
	g = gaps{}
	for epoch := uint64(1); epoch <= n; epoch++ {
		g.add(epoch, 1, reasonFull)
	}
	list = g.take()
	if len(list) != maxGaps || list[0].Reason != reasonEarlier || list[1].Reason != reasonFull {
		t.Errorf("%d gaps: %+v, %+v …", len(list), list[0], list[1])
	}
}

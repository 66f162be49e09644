package outbox

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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
		again := open(t, copyDir(t, dir), Options{MaxSize: small})
		if gaps := gapsOf(again); len(gaps) > 0 {
			t.Errorf("kill %v: told again: %v", kill, gaps)
		}
	}
}

// Events are not given up with the readings around them: nothing else says
// what they say.
func TestEventsOutliveAFullOutbox(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{MaxSize: small})
	if _, err := q.Append(Record{Epoch: 7, Payload: []byte("an epoch begins")}); err != nil {
		t.Fatal(err)
	}
	seq := overflow(t, q, 1)
	overflow(t, q, seq) // the event has been put back, and was given up once more
	for name, q := range map[string]*Queue{"same run": q, "after a kill": open(t, copyDir(t, dir), Options{MaxSize: small})} {
		events := 0
		for _, r := range held(q) {
			if r.Seq == 0 && r.Epoch == 7 && string(r.Payload) == "an epoch begins" {
				events++
			}
		}
		if events != 1 {
			t.Errorf("%s: the event is there %d times", name, events)
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

// What has no identity goes with the readings around it.
func TestAnonymousRecordsAreNotPutBack(t *testing.T) {
	q := open(t, t.TempDir(), Options{MaxSize: small})
	for q.Stats().Dropped < 1000 {
		if _, err := q.Append(Record{Payload: []byte("414")}); err != nil {
			t.Fatal(err)
		}
	}
	if gaps := gapsOf(q); len(gaps) > 0 {
		t.Errorf("gaps %v", gaps)
	}
}

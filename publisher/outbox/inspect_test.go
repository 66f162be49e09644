package outbox

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInspect(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{})
	var want []Record
	for seq := uint64(1); seq <= 100; seq++ {
		want = append(want, add(t, q, seq, 50))
	}
	for _, r := range want[:40] {
		q.Ack(r.Position)
	}
	q.mu.Lock()
	q.flush(kindMark)
	q.mu.Unlock()

	var waiting []Record
	s, err := Inspect(dir, func(r Record, acknowledged bool) {
		if !acknowledged {
			r.Payload = append([]byte{}, r.Payload...)
			waiting = append(waiting, r)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[40:], waiting); diff != "" {
		t.Error(diff)
	}
	wantSummary := Summary{Epoch: q.Epoch(), LastSeq: 100, Records: 100, Held: 60, Segments: 1}
	if diff := cmp.Diff(wantSummary, s); diff != "" {
		t.Error(diff)
	}
	add(t, q, 101, 50) // it was not disturbed
	epoch := q.Epoch()
	q.Close()

	n, err := Drop(dir)
	if n != 61 || err != nil {
		t.Errorf("dropped %d, %v; want 61", n, err)
	}
	q = open(t, dir, Options{})
	if got := held(q); len(got) > 0 {
		t.Errorf("%d records after Drop", len(got))
	}
	if diff := cmp.Diff(Previous{epoch, 101, true}, q.Previous()); diff != "" {
		t.Error(diff)
	}
	if _, err := Inspect(filepath.Join(dir, "nowhere"), nil); err == nil {
		t.Error("inspected nothing")
	}
	if n, err := Drop(filepath.Join(dir, "nowhere")); n != 0 || err != nil {
		t.Errorf("dropped %d of nothing, %v", n, err)
	}
}

// While an agent writes, Inspect sees only what is or was there.
func TestInspectWhileRunning(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{MaxSize: small})
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for seq := uint64(1); ; seq++ {
			select {
			case <-stop:
				return
			default:
			}
			p, _ := q.Append(Record{Epoch: 1, Seq: seq, Payload: payload(seq, 100)})
			if seq%200 > 20 {
				q.Ack(p)
			} else if seq%1000 == 999 {
				for _, r := range held(q) {
					q.Ack(r.Position)
				}
			}
		}
	}()
	for range 20 {
		if _, err := Inspect(dir, func(r Record, _ bool) {
			if string(r.Payload) != string(payload(r.Seq, 100)) {
				t.Errorf("seq %d: %q", r.Seq, r.Payload)
			}
		}); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	<-done
}

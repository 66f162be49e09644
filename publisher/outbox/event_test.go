package outbox

import (
	"testing"
	"testing/synctest"
	"time"
)

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

// An event that tells of a gap is not given up with the readings around it when
// memory is full.
func TestEventsOutliveAFullMemory(t *testing.T) {
	disk := func(t *testing.T) *Queue {
		c := newCard()
		q := open(t, t.TempDir(), Options{disk: c.disk()})
		c.set(func() { c.readOnly = true })
		return q
	}
	for name, open := range map[string]func(*testing.T) *Queue{
		"read-only": disk,
		"in memory": func(*testing.T) *Queue { return InMemory(64 << 10) },
	} {
		t.Run(name, func(t *testing.T) {
			q := open(t)
			defer q.Close()
			if _, err := q.Append(Record{Epoch: q.Epoch(), Payload: []byte("a gap")}); err != nil {
				t.Fatal(err)
			}
			for seq := uint64(1); q.Stats().Dropped < 10000; seq++ {
				add(t, q, seq, 1000)
			}
			events := 0
			for _, r := range held(q) {
				if r.Seq == 0 && string(r.Payload) == "a gap" {
					events++
				}
			}
			if events != 1 {
				t.Errorf("the event is there %d times", events)
			}
		})
	}
}

// Before a segment is given up, the events in it are somewhere else, where no
// power cut can take them.
func TestPowerCutKeepsEventsOfAFullOutbox(t *testing.T) {
	for _, policy := range []Sync{Lazy, Each} {
		synctest.Test(t, func(t *testing.T) {
			c := newCard()
			q := open(t, t.TempDir(), Options{MaxSize: small, Sync: policy, disk: c.disk()})
			defer q.Close()
			if _, err := q.Append(Record{Epoch: 7, Payload: []byte("an epoch begins")}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			rnd, cuts, lost := seeded(t, 1), 0, 0
			c.set(func() {
				c.onWrite = func() {
					cuts++
					after := open(t, c.cut(t, q.dir, rnd), Options{MaxSize: small})
					defer after.Close()
					for _, r := range held(after) {
						if r.Seq == 0 && r.Epoch == 7 {
							return
						}
					}
					lost++
				}
			})
			for seq := uint64(1); q.Stats().Dropped < 300; seq++ {
				add(t, q, seq, 2000)
				time.Sleep(100 * time.Millisecond)
			}
			if lost > 0 {
				t.Errorf("%s: %d of %d power cuts take the event", policy, lost, cuts)
			}
			c.set(func() { c.onWrite = nil })
		})
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

package outbox

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// checkGaps returns what is untrue in gaps: nothing is told that can still be
// delivered or never was. What is told to be damaged without a doubt was not
// delivered; what was given up for want of room may have been, by an earlier run
// that was killed before it could note so.
func checkGaps(gaps []Gap, held []Record, taken, delivered map[reading]bool) error {
	there := map[reading]bool{}
	for _, r := range held {
		there[reading{r.Epoch, r.Seq}] = true
	}
	for _, g := range gaps {
		var sure, perhaps uint64
		for seq := g.From; seq <= g.To; seq++ {
			switch r := (reading{g.Epoch, seq}); {
			case there[r], !taken[r]:
			case delivered[r]:
				perhaps++
			default:
				sure++
			}
		}
		if sure+perhaps < g.Count || g.Reason == reasonDamaged && sure < g.Count {
			return fmt.Errorf("untrue: %+v: %d of them are lost and %d were delivered", g, sure, perhaps)
		}
	}
	return nil
}

// A power cut can leave sectors of two lives in one page. That the second life
// has begun says that all of the first is delivered, and so do its marks.
func TestGapBetweenTwoLives(t *testing.T) {
	q := open(t, t.TempDir(), Options{})
	for seq := uint64(1); seq <= 20; seq++ {
		add(t, q, seq, 100)
	}
	dir := copyDir(t, q.dir)
	before, err := os.ReadFile(segmentFiles(t, dir)[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range held(q) {
		q.Ack(r.Position)
	}
	var want []Record
	for seq := uint64(21); seq <= 30; seq++ {
		want = append(want, add(t, q, seq, 100))
	}
	q.mu.Lock()
	q.flush(kindMark)
	q.mu.Unlock()
	dir = copyDir(t, q.dir)
	change(t, segmentFiles(t, dir)[0], func(b []byte) []byte {
		copy(b[:512], before) // the header of the second life, and three records
		return b
	})
	after := open(t, dir, Options{})
	if err := check(held(after), want[3:], nil); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]Gap{{q.Epoch(), 21, 23, 3, reasonDoubt}}, gapsOf(after)); diff != "" {
		t.Error(diff)
	}
}

// Damage is told for certain when the run that appended the records has ended
// in order, and no other has come since.
func TestDamageIsToldForCertain(t *testing.T) {
	for _, c := range []struct {
		name   string
		runs   []bool // the later ones: whether they were closed in order
		reason string
	}{
		{"closed", nil, reasonDamaged},
		{"closed, then killed", []bool{false}, reasonDoubt},
		{"closed twice", []bool{true}, reasonDoubt}, // could be known, but is not worth it
	} {
		t.Run(c.name, func(t *testing.T) {
			q := open(t, t.TempDir(), Options{})
			epoch := q.Epoch()
			for seq := uint64(1); seq <= 20; seq++ {
				add(t, q, seq, 1000)
			}
			q.Close()
			for _, inOrder := range c.runs {
				again := open(t, q.dir, Options{})
				if !inOrder {
					kill(again)
				}
				again.Close()
			}
			change(t, segmentFiles(t, q.dir)[0], func(b []byte) []byte {
				b[2*page] ^= 1
				return b
			})
			q = open(t, q.dir, Options{})
			if diff := cmp.Diff([]Gap{{epoch, 8, 8, 1, c.reason}}, gapsOf(q)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A reading that never was is not told to be lost, when what is missing were
// records of another kind.
func TestGapOfBareValues(t *testing.T) {
	q := open(t, t.TempDir(), Options{})
	for seq := uint64(1); seq <= 5; seq++ {
		add(t, q, seq, 100)
	}
	from := activeSegment(q).used - 2*136
	for range 5 {
		if _, err := q.Append(Record{Payload: []byte("414")}); err != nil {
			t.Fatal(err)
		}
	}
	to := activeSegment(q).used
	q.mu.Lock()
	q.flush(kindMark)
	q.mu.Unlock()
	dir := copyDir(t, q.dir)
	change(t, segmentFiles(t, dir)[0], func(b []byte) []byte {
		clear(b[from:to])
		return b
	})
	after := open(t, dir, Options{})
	if diff := cmp.Diff([]Gap{{q.Epoch(), 4, 5, 2, reasonDoubt}}, gapsOf(after)); diff != "" {
		t.Error(diff)
	}
}

// What is found to be unreadable only when its segment is given up is told.
func TestGapOfTheUnreadableInAFullOutbox(t *testing.T) {
	q := open(t, t.TempDir(), Options{MaxSize: small})
	taken := map[reading]bool{}
	seq := uint64(0)
	put := func() {
		seq++
		r := add(t, q, seq, 100)
		taken[reading{r.Epoch, r.Seq}] = true
	}
	for range 900 {
		put()
	}
	q.sync(q.Last())
	change(t, segmentFiles(t, q.dir)[0], func(b []byte) []byte {
		clear(b[5*page : 6*page])
		return b
	})
	for q.Stats().Dropped == 0 {
		put()
	}
	gaps, all := gapsOf(q), held(q)
	if err := checkGaps(gaps, all, taken, nil); err != nil {
		t.Error(err)
	}
	var n uint64
	for _, g := range gaps {
		n += g.Count
	}
	if s := q.Stats(); n+uint64(len(all)) != seq || s.Damaged < 20 || s.Dropped+s.Damaged != n {
		t.Errorf("%d told, %d held, %d together; %+v", n, len(all), seq, s)
	}
}

// checkTold returns what of gone is neither held nor told.
func checkTold(gaps []Gap, held, gone []Record) error {
	known := map[reading]bool{}
	for _, r := range held {
		known[reading{r.Epoch, r.Seq}] = true
	}
	for _, g := range gaps {
		for seq := g.From; seq <= g.To; seq++ {
			known[reading{g.Epoch, seq}] = true
		}
	}
	for _, r := range gone {
		if !known[reading{r.Epoch, r.Seq}] {
			return fmt.Errorf("lost and not told: position %d seq %d (of %d given up, %d gaps)", r.Position, r.Seq, len(gone), len(gaps))
		}
	}
	return nil
}

// What is missing of one run is not told of the epoch of another.
func TestGapOverRuns(t *testing.T) {
	const first, second, third = 1 * runLength, 2 * runLength, 3 * runLength
	acks := spans{above: []span{{first + 12, second - 1}, {second + 4, third - 1}}}
	h := hole{span{first + 10, third + 4}, reading{7, 9}, reading{9, 6}}
	gaps, n := h.damage(&acks, maxPosition)
	want := []Gap{{7, 10, 11, 2, reasonDoubt}, {9, 1, 5, 5, reasonDoubt}}
	if diff := cmp.Diff(want, gaps); diff != "" || n != 2+4+5 {
		t.Errorf("%d records: %s", n, diff)
	}
}

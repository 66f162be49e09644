package outbox

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A trial is a gateway that is killed, or loses its power, again and again.
type trial struct {
	rnd    *rand.Rand
	policy Sync
	card   *card
	dir    string
	taken  map[reading]bool // all there ever were
	acked  map[reading]bool // delivered, of these
	must   []Record         // that the next run has to find
	may    []Record         // that any later run can find: delivered but not for sure marked, or perhaps lost
	gone   []Record         // given up and not told yet: the next run finds or tells them
	seq    uint64
}

// run is one life of the gateway. It checks what the life before has left and
// leaves a directory, and what has to be in it, to the next.
func (r *trial) run(t *testing.T, last bool) error {
	q := open(t, r.dir, Options{MaxSize: small, Sync: r.policy, disk: r.card.disk()})
	found := held(q)
	if err := check(found, r.must, r.may); err != nil {
		q.Close()
		return err
	}
	gaps := gapsOf(q)
	err := errors.Join(checkGaps(gaps, found, r.taken, r.acked), checkTold(gaps, found, r.gone))
	if err != nil {
		q.Close()
		return err
	}
	if last {
		return q.Close()
	}
	at := map[Position]time.Time{} // found ones are as old as can be
	all := found
	acked := map[Position]bool{}
	end := time.Now().Add(time.Duration(r.rnd.IntN(1+r.rnd.IntN(3000))) * time.Millisecond)
	interval := time.Duration(1+r.rnd.IntN(1+r.rnd.IntN(100))) * time.Millisecond
	down := r.rnd.IntN(2) == 0 // the broker
	size := r.rnd.IntN(1 + r.rnd.IntN(1000))
	for time.Now().Before(end) {
		r.seq++
		rec := add(t, q, r.seq, size)
		all = append(all, rec)
		at[rec.Position] = time.Now()
		r.taken[reading{rec.Epoch, rec.Seq}] = true
		switch r.rnd.IntN(100) {
		case 0:
			down = !down
		case 1:
			r.card.set(func() { r.card.failSync = syscall.EIO })
		}
		time.Sleep(interval)
		for range 3 {
			// One is left behind now and then: what comes and goes after it
			// must not postpone its sync.
			if rec, ok := q.Next(Position(r.rnd.IntN(3)), nil); ok && !down {
				q.Ack(rec.Position)
				acked[rec.Position] = true
				r.acked[reading{rec.Epoch, rec.Seq}] = true
			}
		}
	}
	time.Sleep(time.Duration(r.rnd.IntN(1+r.rnd.IntN(1000))) * time.Millisecond)
	synctest.Wait()

	r.card.set(func() { r.card.failSync = nil })
	cut := r.rnd.IntN(4) > 0
	now := time.Now()
	q.mu.Lock()
	inMemory := q.next // from here on: the disk has failed twice, and Stats says so
	if q.trouble != nil {
		inMemory = q.written + 1
	}
	q.mu.Unlock()
	there := map[Position]bool{}
	for _, rec := range held(q) {
		there[rec.Position] = true
	}
	kill(q)
	if cut {
		r.dir = r.card.cut(t, r.dir, r.rnd)
		r.card.insert(t, r.dir)
	}
	r.must, r.gone = nil, nil
	for _, rec := range all {
		young := cut && r.policy == Lazy && now.Sub(at[rec.Position]) <= time.Second || rec.Position >= inMemory
		dropped := !there[rec.Position]
		if dropped && !acked[rec.Position] && !young {
			r.gone = append(r.gone, rec)
		}
		if acked[rec.Position] || dropped || young {
			r.may = append(r.may, rec)
		} else {
			r.must = append(r.must, rec)
		}
	}
	return nil
}

// powerCut returns what is wrong in a trial.
func powerCut(t *testing.T, seed uint64, policy Sync, prepare func(*card)) error {
	r := &trial{
		rnd: seeded(t, seed), policy: policy, card: newCard(), dir: t.TempDir(),
		taken: map[reading]bool{}, acked: map[reading]bool{},
	}
	prepare(r.card)
	const runs = 6
	for i := range runs {
		if err := r.run(t, i == runs-1); err != nil {
			return fmt.Errorf("run %d: %w", i, err)
		}
	}
	return nil
}

func powerCuts(t *testing.T, policy Sync, n uint64, prepare func(*card)) (failed int, first error) {
	for seed := range n {
		synctest.Test(t, func(t *testing.T) {
			if err := powerCut(t, seed, policy, prepare); err != nil {
				failed++
				first = errors.Join(first, fmt.Errorf("seed %d: %w", seed, err))
			}
		})
	}
	return failed, first
}

func TestPowerCut(t *testing.T) {
	for _, policy := range []Sync{Lazy, Each} {
		t.Run(string(policy), func(t *testing.T) {
			if _, err := powerCuts(t, policy, 100, func(*card) {}); err != nil {
				t.Error(err)
			}
		})
		// The control: the rig sees it if a sync is missing.
		t.Run(string(policy)+" on a card that lies", func(t *testing.T) {
			if failed, _ := powerCuts(t, policy, 40, func(c *card) { c.lies = true }); failed < 5 {
				t.Errorf("only %d of 40 cuts lose records though nothing is synced", failed)
			}
		})
	}
}

// A segment that was released, but came out of a power cut as it was before,
// does not count for a later life.
func TestReleaseLostInAPowerCut(t *testing.T) {
	dir := t.TempDir()
	o := Options{MaxSize: small}
	q := open(t, dir, o)
	for seq := uint64(1); seq <= 300; seq++ { // three segments: later lives take the second
		add(t, q, seq, 1000)
	}
	oldest := segmentFiles(t, dir)[0]
	header, err := os.ReadFile(oldest)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range held(q) {
		q.Ack(r.Position)
	}
	q.Close()
	var may []Record
	// The number of the last life is not to be seen either.
	last := segmentFiles(t, dir)
	change(t, last[len(last)-1], func(b []byte) []byte {
		b[20] ^= 1
		return b
	})
	for range 3 { // all segments but one are not in use; lives come and go
		q = open(t, dir, o)
		r := add(t, q, 1, 10)
		q.Ack(r.Position)
		may = append(may, r)
		kill(q)
	}
	q = open(t, dir, o)
	want := []Record{add(t, q, 1, 10), add(t, q, 2, 10)}
	kill(q)
	change(t, oldest, func(b []byte) []byte {
		copy(b[:512], header)
		return b
	})
	q = open(t, dir, o)
	if err := check(held(q), want, may); err != nil {
		t.Error(err)
	}
}

// What a killed agent has written but not synced is synced by the next one.
func TestPowerCutAfterKill(t *testing.T) {
	for _, policy := range []Sync{Lazy, Each} {
		synctest.Test(t, func(t *testing.T) {
			c := newCard()
			dir := t.TempDir()
			q := open(t, dir, Options{disk: c.disk()})
			var want []Record
			for seq := uint64(1); seq <= 10; seq++ {
				want = append(want, add(t, q, seq, 300))
			}
			kill(q)
			q = open(t, dir, Options{Sync: policy, disk: c.disk()})
			defer q.Close()
			after := open(t, c.cut(t, dir, seeded(t, 0)), Options{})
			defer after.Close()
			if err := check(held(after), want, nil); err != nil {
				t.Errorf("%s: %v", policy, err)
			}
		})
	}
}

// A power cut can take the first sector of a life, with its header, and leave
// the frames behind it. They must not come back when the segment is used again.
func TestLostHeaderOfANewLife(t *testing.T) {
	q := open(t, t.TempDir(), Options{MaxSize: small})
	first, err := os.ReadFile(filepath.Join(q.dir, "00000001.seg"))
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= 12; seq++ {
		add(t, q, seq, 100)
	}
	dir := copyDir(t, q.dir)
	change(t, segmentFiles(t, dir)[0], func(b []byte) []byte {
		copy(b[:512], first)
		return b
	})
	q = open(t, dir, Options{MaxSize: small})
	may := held(q)
	var want []Record
	for seq := uint64(1); seq <= 5; seq++ {
		want = append(want, add(t, q, seq, 100))
	}
	q = open(t, copyDir(t, q.dir), Options{MaxSize: small})
	if err := check(held(q), want, may); err != nil {
		t.Error(err)
	}
	if gaps := gapsOf(q); len(gaps) > 0 {
		t.Errorf("gaps %+v", gaps)
	}
}

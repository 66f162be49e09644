package outbox

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A model is what a queue should be: a plain list.
type model struct {
	records []Record
	acked   map[Position]bool
	dropped map[uint64]bool // seq told by gaps
}

func newModel() *model {
	return &model{acked: map[Position]bool{}, dropped: map[uint64]bool{}}
}

// waiting splits the records into those that have to be in the queue and those
// that were acknowledged, and may be there again after a crash.
func (m *model) waiting(epoch uint64) (must, may []Record) {
	for _, r := range m.records {
		if m.acked[r.Position] || r.Epoch == epoch && m.dropped[r.Seq] {
			may = append(may, r)
		} else {
			must = append(must, r)
		}
	}
	return must, may
}

// TestQueueAgainstModel runs random operations on a queue and on a plain list,
// with restarts and kills between, and compares them at each of these.
func TestQueueAgainstModel(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runModel(t, seeded(t, seed)) })
		})
	}
}

func runModel(t *testing.T, rnd *rand.Rand) {
	o := Options{MaxSize: small, Sync: []Sync{Lazy, Each}[rnd.IntN(2)]}
	q := open(t, t.TempDir(), o)
	defer func() { q.Close() }()
	m := newModel()
	var seq uint64 // over all runs, so that a seq names a record
	var back, live Position
	for range 40 {
		switch n := rnd.IntN(400); rnd.IntN(6) {
		case 0, 1:
			for range n {
				seq++
				m.records = append(m.records, add(t, q, seq, rnd.IntN(600)))
			}
		case 2: // the lane of the backlog
			for range n {
				if r, ok := q.Next(back, nil); ok {
					back = r.Position
					q.Ack(back)
					m.acked[back] = true
				}
			}
		case 3: // the lane of new records
			if live = max(live, q.Last()-min(q.Last(), Position(n))); live > back {
				for range n {
					if r, ok := q.Next(live, nil); ok {
						live = r.Position
						q.Ack(live)
						m.acked[live] = true
					}
				}
			}
		case 4:
			exact := checkModel(t, q, m, true)
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			q = open(t, q.dir, o)
			if after := len(held(q)); after != exact {
				t.Fatalf("%d records after a restart, %d before", after, exact)
			}
			back, live = 0, 0
		case 5:
			checkModel(t, q, m, true)
			killed := q
			q = open(t, copyDir(t, q.dir), o)
			killed.Close()
			checkModel(t, q, m, false)
			back, live = 0, 0
		}
	}
	checkModel(t, q, m, true)
}

// checkModel compares q with m: exactly, or as after a kill, when what was
// acknowledged can come again. It returns how many records q holds.
func checkModel(t *testing.T, q *Queue, m *model, exact bool) int {
	t.Helper()
	time.Sleep(time.Millisecond) // the keeper does what is due
	synctest.Wait()
	for _, g := range gapsOf(q) {
		for seq := g.From; seq <= g.To; seq++ {
			m.dropped[seq] = true
		}
		if g.Reason != reasonFull {
			t.Fatalf("gap without damage: %+v", g)
		}
	}
	var must, may []Record
	for _, r := range m.records {
		switch {
		case m.dropped[r.Seq]:
		case m.acked[r.Position]:
			may = append(may, r)
		default:
			must = append(must, r)
		}
	}
	got := held(q)
	if exact {
		may = nil
	}
	if err := check(got, must, may); err != nil {
		for _, r := range m.records {
			if r.Position > 865 && r.Position < 875 || r.Seq > 920 && r.Seq < 925 {
				t.Log(r.Position, r.Seq, m.acked[r.Position], m.dropped[r.Seq])
			}
		}
		t.Fatal(err)
	}
	for _, r := range got { // it is waiting again
		delete(m.acked, r.Position)
	}
	return len(got)
}

// TestKillAtEveryWrite kills the agent after each single write(2) of a run that
// rolls, drops, begins segments anew and gets over failures.
func TestKillAtEveryWrite(t *testing.T) {
	synctest.Test(t, killAtEveryWrite) // where time stands still, and the keeper with it
}

func killAtEveryWrite(t *testing.T) {
	dir := t.TempDir()
	c := newCard()
	q := open(t, dir, Options{MaxSize: small, disk: c.disk()})
	defer q.Close()
	q.readyAt = time.Hour
	epoch := q.Epoch()
	m := newModel()
	kills := 0
	var failure error
	var pending []Record // handed to Append, which has not returned
	c.onWrite = func() {
		if kills++; kills%4 != 0 || failure != nil { // each fourth, to be done in time
			return
		}
		for _, g := range q.gaps.list { // the queue is locked by the writer
			for seq := g.From; seq <= g.To; seq++ {
				m.dropped[seq] = true
			}
		}
		must, may := m.waiting(epoch)
		copied := open(t, copyDir(t, dir), Options{MaxSize: small})
		defer copied.Close()
		if err := check(held(copied), must, append(may, pending...)); err != nil {
			failure = fmt.Errorf("after write %d: %w", kills, err)
		}
		if s := copied.Stats(); s.Damaged > 0 || s.SkippedBytes > 0 {
			failure = fmt.Errorf("after write %d: %+v", kills, s)
		}
	}
	put := func(seq uint64) {
		next := q.Last() + 1
		pending = []Record{{Position: next, Epoch: epoch, Seq: seq, Payload: payload(seq, 4000)}}
		r := add(t, q, seq, 4000)
		pending = nil
		m.records = append(m.records, r)
	}
	ack := func(n int) {
		for range n {
			if r, ok := q.Next(0, nil); ok {
				m.acked[r.Position] = true
				q.Ack(r.Position)
			}
		}
	}
	seq := uint64(0)
	for round := range 4 {
		for range 150 { // more than goes in
			seq++
			put(seq)
		}
		ack(60)
		switch round {
		case 1:
			q.sync(q.Last())
			for range 20 {
				seq++
				put(seq)
			}
			c.set(func() { c.failSync = syscall.EIO })
			q.sync(q.Last())
		case 2:
			ack(1000)
			for range 20 {
				seq++
				put(seq)
				ack(1)
			}
		}
	}
	if failure != nil {
		t.Error(failure)
	}
	if kills < 500 {
		t.Errorf("only %d writes", kills)
	}
}

// A trial is a gateway that is killed, or loses its power, again and again.
type trial struct {
	rnd    *rand.Rand
	policy Sync
	card   *card
	dir    string
	must   []Record // that the next run has to find
	may    []Record // that any later run can find: delivered but not for sure marked, or perhaps lost
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
			if r, ok := q.Next(Position(r.rnd.IntN(3)), nil); ok && !down {
				q.Ack(r.Position)
				acked[r.Position] = true
			}
		}
	}
	time.Sleep(time.Duration(r.rnd.IntN(1+r.rnd.IntN(1000))) * time.Millisecond)
	synctest.Wait()

	r.card.set(func() { r.card.failSync = nil })
	cut := r.rnd.IntN(4) > 0
	now := time.Now()
	dropped := map[Position]bool{}
	for _, g := range gapsOf(q) {
		for _, rec := range all {
			if rec.Epoch == g.Epoch && rec.Seq >= g.From && rec.Seq <= g.To {
				dropped[rec.Position] = true
			}
		}
	}
	kill(q)
	if cut {
		r.dir = r.card.cut(t, r.dir, r.rnd)
		r.card.insert(t, r.dir)
	}
	r.must = nil
	for _, rec := range all {
		young := cut && r.policy == Lazy && now.Sub(at[rec.Position]) <= time.Second
		if acked[rec.Position] || dropped[rec.Position] || young {
			r.may = append(r.may, rec)
		} else {
			r.must = append(r.must, rec)
		}
	}
	return nil
}

// powerCut returns what is wrong in a trial.
func powerCut(t *testing.T, seed uint64, policy Sync, prepare func(*card)) error {
	r := &trial{rnd: seeded(t, seed), policy: policy, card: newCard(), dir: t.TempDir()}
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
	synced := q.log.active().used
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

// A mark of the former life that stands where the new one has not yet written
// is no damage, though it has the position the new life begins with.
func TestMarkOfAFormerLife(t *testing.T) {
	q := open(t, t.TempDir(), Options{})
	mark := func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.flush(kindMark)
	}
	var all []Record
	for seq := uint64(1); seq <= 5; seq++ {
		all = append(all, add(t, q, seq, 100))
	}
	mark()
	for _, r := range all {
		q.Ack(r.Position)
	}
	mark()
	q = open(t, copyDir(t, q.dir), Options{})
	if s := q.Stats(); s.Held != 0 || s.SkippedBytes != 0 || s.Damaged != 0 {
		t.Errorf("%+v", s)
	}
}

// More spans than a mark can carry mean duplicates, nothing else.
func TestManySpans(t *testing.T) {
	q := open(t, t.TempDir(), Options{})
	var must, may []Record
	for seq := uint64(1); seq <= 10000; seq++ {
		r := add(t, q, seq, 20)
		if seq%2 == 0 {
			q.Ack(r.Position)
			may = append(may, r)
		} else {
			must = append(must, r)
		}
	}
	q = open(t, copyDir(t, q.dir), Options{})
	if err := check(held(q), must, may); err != nil {
		t.Error(err)
	}
	if s := q.Stats(); s.SkippedBytes != 0 || s.Damaged != 0 || s.TornTails != 0 {
		t.Errorf("%+v", s)
	}
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
	seg := q.log.active()
	life := *seg
	c.set(func() { c.failSync = syscall.EIO })
	q.sync(q.Last())
	if seg == q.log.active() {
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

// TestCutAtEveryByte: whatever a file is cut to, it opens, and gives the
// beginning of what was written.
func TestCutAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{MaxSize: small})
	var want []Record
	for seq := uint64(1); seq <= 12; seq++ {
		want = append(want, add(t, q, seq, int(seq)*5))
	}
	q.Ack(want[0].Position)
	q.mu.Lock()
	q.flush(kindMark)
	used := int(q.log.active().used)
	q.mu.Unlock()
	name := segmentFiles(t, dir)[0]
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for n := used; n >= 0; n-- {
		for _, zeros := range []bool{false, true} {
			cut := t.TempDir()
			b := whole[:n]
			if zeros {
				b = append(append([]byte{}, b...), make([]byte, len(whole)-n)...)
			}
			if err := os.WriteFile(filepath.Join(cut, filepath.Base(name)), b, 0o600); err != nil {
				t.Fatal(err)
			}
			var got []Record
			s, err := Inspect(cut, func(r Record, _ bool) { r.Payload = append([]byte{}, r.Payload...); got = append(got, r) })
			if err != nil {
				t.Fatal(err)
			}
			if err := check(got, want[:len(got)], nil); err != nil {
				t.Fatalf("cut at %d: %v", n, err)
			}
			if s.Damaged > 0 && n >= used {
				t.Fatalf("cut at %d: %+v", n, s)
			}
			if n%32 == 0 { // the whole queue: opens, goes on
				q := open(t, cut, Options{MaxSize: small})
				add(t, q, 1, 50)
				if h := held(q); h[len(h)-1].Seq != 1 {
					t.Fatalf("cut at %d: appended record not there", n)
				}
				q.Close()
			}
		}
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

// kill ends a queue without letting it write anything.
func kill(q *Queue) {
	close(q.stop)
	<-q.done
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.log.close()
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

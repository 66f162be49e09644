package outbox

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// damaged makes a log of some segments, kills it, damages the copy, and opens
// that. It returns what was in it and what is.
func damaged(t *testing.T, n, size int, how func(dir string, names []string)) (q *Queue, want, got []Record) {
	t.Helper()
	q = open(t, t.TempDir(), Options{MaxSize: small})
	for seq := 1; seq <= n; seq++ {
		want = append(want, add(t, q, uint64(seq), size))
	}
	dir := copyDir(t, q.dir)
	q.Close()
	how(dir, segmentFiles(t, dir))
	q = open(t, dir, Options{MaxSize: small})
	return q, want, held(q)
}

// told collects the numbers that gaps tell of.
func told(t *testing.T, q *Queue) (seqs map[uint64]bool, count uint64) {
	t.Helper()
	seqs = map[uint64]bool{}
	for _, g := range gapsOf(q) {
		if g.Reason != reasonDamaged && g.Reason != reasonDoubt || g.Count > g.To-g.From+1 {
			t.Errorf("gap %+v", g)
		}
		count += g.Count
		for seq := g.From; seq <= g.To; seq++ {
			seqs[seq] = true
		}
	}
	return seqs, count
}

// checkDamaged checks that what is there is right and that what is not is told.
func checkDamaged(t *testing.T, q *Queue, want, got []Record) (lost []uint64) {
	t.Helper()
	if err := check(got, nil, want); err != nil {
		t.Fatal(err)
	}
	seqs, _ := told(t, q)
	there := map[uint64]bool{}
	for _, r := range got {
		there[r.Seq] = true
	}
	for _, r := range want {
		switch {
		case !there[r.Seq]:
			lost = append(lost, r.Seq)
			if !seqs[r.Seq] {
				t.Errorf("seq %d is lost and not told", r.Seq)
			}
		case seqs[r.Seq]:
			t.Errorf("seq %d is told lost and is there", r.Seq)
		}
	}
	// It goes on.
	r := add(t, q, 1<<20, 100)
	if h := held(q); len(h) != len(got)+1 || h[len(got)].Position != r.Position {
		t.Errorf("held %d after an Append, want %d", len(h), len(got)+1)
	}
	return lost
}

func TestFlippedBitCostsOneRecord(t *testing.T) {
	for seed := range uint64(30) {
		rnd := seeded(t, seed)
		q, want, got := damaged(t, 2000, 100, func(dir string, names []string) {
			change(t, names[rnd.IntN(len(names)-1)], func(b []byte) []byte {
				b[int(headerSize)+rnd.IntN(100<<10)] ^= 1 << rnd.IntN(8)
				return b
			})
		})
		if lost := checkDamaged(t, q, want, got); len(lost) > 1 {
			t.Errorf("seed %d: lost %v", seed, lost)
		}
		q.Close()
	}
}

func TestFlippedBitInHeaderCostsNothing(t *testing.T) {
	for bit := 0; bit < int(headerSize)*8; bit += 5 {
		q, want, got := damaged(t, 20, 20, func(dir string, names []string) {
			change(t, names[0], func(b []byte) []byte {
				b[bit/8] ^= 1 << (bit % 8)
				return b
			})
		})
		if err := check(got, want, nil); err != nil {
			t.Fatalf("bit %d: %v", bit, err)
		}
		if gaps := gapsOf(q); len(gaps) > 0 {
			t.Fatalf("bit %d: %v", bit, gaps)
		}
		q.Close()
	}
}

// TestChecksumsMatter is the control for the tests above: damage that keeps
// the checksum right goes through, and the check sees it.
func TestChecksumsMatter(t *testing.T) {
	_, want, got := damaged(t, 100, 100, func(dir string, names []string) {
		change(t, names[0], func(b []byte) []byte {
			off := int(headerSize) + 3*page/2&^7
			for ; ; off += frameAlign {
				if f, ok := parseFrame(b[off:]); ok && f.kind == kindRecord {
					f.payload[5] ^= 1
					binary.LittleEndian.PutUint32(b[off:], checksum(b[off+4:off+frameHead+len(f.payload)]))
					return b
				}
			}
		})
	})
	if err := check(got, nil, want); err == nil || !strings.HasPrefix(err.Error(), "changed") {
		t.Errorf("a changed record went unnoticed: %v", err)
	}
}

func TestZeroedAndGarbledPages(t *testing.T) {
	for seed := range uint64(30) {
		rnd := seeded(t, seed)
		q, want, got := damaged(t, 2000, 100, func(dir string, names []string) {
			change(t, names[rnd.IntN(len(names)-1)], func(b []byte) []byte {
				at := rnd.IntN(24) * page // the header too
				p := b[at : at+page]
				for i := range p {
					p[i] = byte(rnd.Uint32())
				}
				if seed%2 == 0 {
					clear(p)
				}
				return b
			})
		})
		if lost := checkDamaged(t, q, want, got); len(lost) > page/132+2 {
			t.Errorf("seed %d: lost %d", seed, len(lost))
		}
		s := q.Stats()
		if s.Damaged == 0 || s.SkippedBytes == 0 {
			t.Errorf("seed %d: %+v", seed, s)
		}
		q.Close()
	}
}

func TestTornTail(t *testing.T) {
	q, want, got := damaged(t, 20, 1000, func(dir string, names []string) {
		change(t, names[0], func(b []byte) []byte {
			clear(b[int(headerSize)+20*1032:]) // in the last record
			return b
		})
	})
	if err := check(got, want[:19], nil); err != nil {
		t.Error(err)
	}
	if s := q.Stats(); s.TornTails != 1 || s.SkippedBytes != 0 {
		t.Errorf("%+v", s)
	}
	r := add(t, q, 99, 100)
	again := open(t, copyDir(t, q.dir), Options{MaxSize: small})
	if err := check(held(again), append(want[:19:19], r), nil); err != nil {
		t.Error(err)
	}
	if s := again.Stats(); s.TornTails != 0 || s.SkippedBytes != 0 {
		t.Errorf("%+v", s)
	}
}

// Whole files go: missing, empty, garbage.
func TestLostSegments(t *testing.T) {
	for name, how := range map[string]func(name string){
		"removed": func(name string) { os.Remove(name) },
		"empty":   func(name string) { os.Truncate(name, 0) },
		"zeros":   func(name string) { os.WriteFile(name, make([]byte, 128<<10), 0o600) },
		"text":    func(name string) { os.WriteFile(name, []byte(strings.Repeat("lorem ipsum\n", 9000)), 0o600) },
		"a directory": func(name string) {
			os.Remove(name)
			os.Mkdir(name, 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			q, want, got := damaged(t, 2500, 100, func(dir string, names []string) { how(names[1]) })
			lost := checkDamaged(t, q, want, got)
			if len(lost) < 500 || len(lost) > 1100 {
				t.Errorf("lost %d", len(lost))
			}
			if _, count := told(t, q); count != 0 {
				t.Error("told twice")
			}
			bad, _ := filepath.Glob(filepath.Join(q.dir, badPattern))
			if hasAny := name == "zeros" || name == "text"; len(bad) > 0 != hasAny && name != "empty" {
				t.Errorf("set aside: %v", bad)
			}
		})
	}
	t.Run("all", func(t *testing.T) {
		q, _, got := damaged(t, 2500, 100, func(dir string, names []string) {
			for _, name := range names {
				os.Truncate(name, 0)
			}
		})
		if len(got) > 0 {
			t.Errorf("%d records", len(got))
		}
		add(t, q, 1, 100)
		if q.Epoch() == 0 || q.Previous().Epoch == 0 {
			t.Errorf("epoch %d after %+v", q.Epoch(), q.Previous())
		}
	})
}

// A damaged segment is kept for a person, not for ever, and gets no
// new life.
func TestDamagedSegmentsAreSetAside(t *testing.T) {
	dir := t.TempDir()
	for round := range 4 {
		q := open(t, dir, Options{MaxSize: small})
		for seq := uint64(1); seq <= 100; seq++ {
			add(t, q, seq, 200)
		}
		q.Close()
		for _, name := range segmentFiles(t, dir) {
			change(t, name, func(b []byte) []byte {
				b[page] ^= 0xff
				return b
			})
		}
		q = open(t, dir, Options{MaxSize: small})
		before := len(bad(dir))
		for _, r := range held(q) {
			q.Ack(r.Position)
		}
		q.Ack(add(t, q, 101, 200).Position)
		q.makeReady() // not when the keeper does
		q.Ack(add(t, q, 102, 200).Position)
		if n := len(bad(dir)); n != min(before+1, keepBad) {
			t.Errorf("round %d: %d set aside, %d before", round, n, before)
		}
		q.Close()
	}
}

// A disk that cannot read a page loses what is on it, while it runs too.
func TestUnreadablePage(t *testing.T) {
	var unreadable int64 = -1
	var times int
	d := realDisk()
	d.readAt = func(f *os.File, b []byte, off int64) (int, error) {
		if unreadable >= off && unreadable < off+int64(len(b)) && times > 0 && strings.HasSuffix(f.Name(), "01.new") {
			times--
			return 0, fmt.Errorf("input/output error")
		}
		return f.ReadAt(b, off)
	}
	for _, often := range []int{1, 1000} {
		q := open(t, t.TempDir(), Options{disk: d})
		var want []Record
		for seq := uint64(1); seq <= 6000; seq++ {
			want = append(want, add(t, q, seq, 100))
			if seq%1000 == 0 {
				q.sync(q.Last()) // so that memory does not have to keep it
			}
		}
		unreadable, times = 10*page, often
		got := held(q)
		lost := checkDamaged(t, q, want, got)
		if often == 1 && len(lost) > 0 {
			t.Errorf("a page that could not be read once: lost %d", len(lost))
		}
		if often > 1 && (len(lost) < 20 || len(lost) > 40) {
			t.Errorf("lost %d", len(lost))
		}
		if got := q.Stats().Damaged; got != uint64(len(lost)) {
			t.Errorf("counted %d, lost %d", got, len(lost))
		}
	}
}

func TestDamageOfTheAcknowledgedIsNotTold(t *testing.T) {
	q := open(t, t.TempDir(), Options{MaxSize: small})
	var want []Record
	for seq := uint64(1); seq <= 200; seq++ {
		want = append(want, add(t, q, seq, 200))
	}
	for _, r := range slices.Concat(want[10:100], want[150:190]) {
		q.Ack(r.Position)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	change(t, segmentFiles(t, q.dir)[0], func(b []byte) []byte {
		clear(b[4*page : 5*page]) // about records 68 to 86
		return b
	})
	q = open(t, q.dir, Options{MaxSize: small})
	if diff := cmp.Diff(slices.Concat(want[:10], want[100:150], want[190:]), held(q)); diff != "" {
		t.Error(diff)
	}
	if gaps := gapsOf(q); len(gaps) > 0 {
		t.Errorf("told %v", gaps)
	}
}

// A damaged segment is written on while there is no room for another file.
func TestDamagedSegmentOnAFullDisk(t *testing.T) {
	dir, _ := damagedLog(t)
	c := newCard()
	c.full = true
	q := open(t, dir, Options{disk: c.disk()})
	before := held(q)
	for _, r := range before {
		q.Ack(r.Position)
	}
	want := []Record{add(t, q, 1, 100)}
	if s := q.Stats(); s.Health != "" {
		t.Errorf("%+v", s)
	}
	if err := check(held(open(t, copyDir(t, dir), Options{})), want, before); err != nil {
		t.Error(err)
	}
}

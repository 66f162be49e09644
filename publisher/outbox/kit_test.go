package outbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// small makes a log of four segments of 128 KiB.
const small = 512 << 10

// open opens a queue for a test: without syncing, which takes most of the time
// and matters only where a test brings its own disk.
func open(t testing.TB, dir string, o Options) *Queue {
	t.Helper()
	if o.disk.sync == nil {
		o.disk = realDisk()
		o.disk.sync = func(*os.File) error { return nil }
	}
	q, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

// payload is what record number n carries: its number and some filling, so
// that no two are alike and a changed one is found out.
func payload(n uint64, size int) []byte {
	b := fmt.Appendf(nil, "record %d ", n)
	for i := len(b); i < size; i++ {
		b = append(b, byte('a'+(uint64(i)+n)%26))
	}
	return b
}

// add appends reading seq of the run.
func add(t testing.TB, q *Queue, seq uint64, size int) Record {
	t.Helper()
	r := Record{Epoch: q.Epoch(), Seq: seq, Payload: payload(seq, size)}
	var err error
	if r.Position, err = q.Append(r); err != nil {
		t.Fatal(err)
	}
	return r
}

// held returns all records that are waiting.
func held(q *Queue) []Record {
	var all []Record
	var p Position
	for {
		r, ok := q.Next(p, nil)
		if !ok {
			return all
		}
		all = append(all, r)
		p = r.Position
	}
}

// check compares what a queue holds after a crash with what was given to it:
// must has to be there, may can be there too, in this order, nothing else.
// It returns what is wrong.
func check(got, must, may []Record) error {
	known := map[Position]Record{}
	for _, r := range slices.Concat(must, may) {
		known[r.Position] = r
	}
	found := map[Position]bool{}
	var last Position
	for _, r := range got {
		k, ok := known[r.Position]
		switch {
		case r.Position <= last:
			return fmt.Errorf("position %d after %d", r.Position, last)
		case !ok:
			return fmt.Errorf("invented: position %d seq %d", r.Position, r.Seq)
		case k.Seq != r.Seq || k.Epoch != r.Epoch || !bytes.Equal(k.Payload, r.Payload):
			return fmt.Errorf("changed: position %d", r.Position)
		}
		last = r.Position
		found[r.Position] = true
	}
	for _, r := range must {
		if !found[r.Position] {
			return fmt.Errorf("lost: position %d seq %d (of %d, %d found)", r.Position, r.Seq, len(must), len(got))
		}
	}
	return nil
}

// damagedLog returns the directory of a log of 20 readings, of which one cannot
// be read, and their epoch.
func damagedLog(t *testing.T) (dir string, epoch uint64) {
	t.Helper()
	dir = t.TempDir()
	q := open(t, dir, Options{})
	for seq := uint64(1); seq <= 20; seq++ {
		add(t, q, seq, 1000)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	change(t, segmentFiles(t, dir)[0], func(b []byte) []byte {
		b[2*page] ^= 1
		return b
	})
	return dir, q.Epoch()
}

// copyDir makes a copy of an outbox as a kill -9 at this instant leaves it.
func copyDir(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, name := range names {
		b, err := os.ReadFile(name)
		if strings.HasSuffix(name, ".new") || errors.Is(err, fs.ErrNotExist) { // may just have got its name, or be told
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(name)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// activeSegment returns the segment that is written to, as it is at this instant;
// the keeper works beside.
func activeSegment(q *Queue) segment {
	q.mu.Lock()
	defer q.mu.Unlock()
	return *q.log.active()
}

// segmentFiles returns the paths of the segments in use, in order.
func segmentFiles(t testing.TB, dir string) (names []string) {
	t.Helper()
	used, free, _, err := survey(realDisk(), dir, os.O_RDONLY)
	if err != nil || len(used) == 0 {
		t.Fatalf("segments in %s: %v, %v", dir, used, err)
	}
	for _, seg := range append(used, free...) {
		seg.file.Close()
	}
	for _, seg := range used {
		names = append(names, seg.name)
	}
	return names
}

// change rewrites a file.
func change(t testing.TB, name string, how func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, how(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func list(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func seeded(t testing.TB, seed uint64) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(seed, 0))
}

func fileSize(t testing.TB, dir, name string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// gapsOf returns the gaps of a queue and says that they have been told.
func gapsOf(q *Queue) []Gap {
	gaps := append([]Gap(nil), q.Gaps()...)
	q.Told()
	return gaps
}

// bad returns the segments set aside.
func bad(dir string) []string {
	names, _ := filepath.Glob(filepath.Join(dir, badPattern))
	return names
}

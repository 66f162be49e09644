package outbox

import (
	"os"
	"path/filepath"
	"testing"
)

func TestEpoch(t *testing.T) {
	dir := t.TempDir()
	run := func() uint64 {
		q, err := Open(dir, Options{MaxSize: small})
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		add(t, q, 1, 10)
		return q.Epoch()
	}
	last := run()
	if last < 1e6 || last > 1<<53 {
		t.Errorf("the first epoch is %d", last)
	}
	file := filepath.Join(dir, epochFile)
	for name, how := range map[string]func(){
		"as it is":    func() {},
		"lost":        func() { os.Remove(file) },
		"empty":       func() { os.Truncate(file, 0) },
		"one flipped": func() { change(t, file, func(b []byte) []byte { b[18] ^= 1; return b }) },
		"both flipped": func() {
			change(t, file, func(b []byte) []byte { b[17] ^= 1; b[epochSize+17] ^= 1; return b })
		},
		"torn": func() { os.Truncate(file, epochSize+10) },
		"log lost": func() {
			for _, name := range segmentFiles(t, dir) {
				os.Remove(name)
			}
		},
	} {
		last = max(last, run())
		how()
		if got := run(); got != last+1 {
			t.Errorf("%s: epoch %d after %d", name, got, last)
		} else {
			last = got
		}
	}
	seen := map[uint64]bool{}
	for range 100 { // the clock may say the same at each boot
		e := freshEpoch()
		if seen[e] {
			t.Errorf("epoch %d twice", e)
		}
		seen[e] = true
	}
}

package outbox

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// A card is a disk with a page cache that can be switched off: what was written
// and not synced is then on it in part. It can be full, fail, or lie.
type card struct {
	mu       sync.Mutex
	durable  map[string][]byte      // content by file, as synced
	pending  map[string][]cardWrite // since then
	names    []string               // in the directory, as synced
	syncs    int
	writes   int
	full     bool  // no new blocks
	readOnly bool  // no write at all
	failSync error // what the next sync returns: every second write is lost then
	lies     bool  // sync does nothing, and says nothing
	onWrite  func()
	onSync   func() // while the sync is under way: what is written then is not in it
}

// set changes how the card behaves.
func (c *card) set(how func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	how()
}

type cardWrite struct {
	off  int64
	data []byte
}

// key names a file over its renaming.
func cardKey(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(filepath.Base(name), ".new"), ".seg")
}

func newCard() *card {
	return &card{durable: map[string][]byte{}, pending: map[string][]cardWrite{}}
}

func (c *card) disk() disk {
	replace := func(path string, content []byte) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		name := filepath.Base(path)
		c.durable[cardKey(name)] = bytes.Clone(content)
		if !slices.Contains(c.names, name) {
			c.names = append(c.names, name)
		}
		return os.WriteFile(path, content, 0o600)
	}
	return disk{readAt: (*os.File).ReadAt, writeAt: c.writeAt, sync: c.sync, replace: replace}
}

func (c *card) writeAt(f *os.File, b []byte, off int64) (int, error) {
	c.mu.Lock()
	info, err := f.Stat()
	if err != nil {
		c.mu.Unlock()
		return 0, err
	}
	switch {
	case c.readOnly:
		err = syscall.EROFS
	case c.full && off+int64(len(b)) > info.Size():
		err = syscall.ENOSPC
	}
	if err != nil {
		c.mu.Unlock()
		return 0, &fs.PathError{Op: "write", Path: f.Name(), Err: err}
	}
	key := cardKey(f.Name())
	c.pending[key] = append(c.pending[key], cardWrite{off, bytes.Clone(b)})
	c.writes++
	n, err := f.WriteAt(b, off)
	hook := c.onWrite
	c.mu.Unlock()
	if hook != nil {
		hook()
	}
	return n, err
}

func (c *card) sync(f *os.File) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.syncs++
	if info, err := f.Stat(); err == nil && info.IsDir() {
		c.names = list(f.Name())
		return nil
	}
	key := cardKey(f.Name())
	if c.lies {
		return nil
	}
	err := c.failSync
	c.failSync = nil
	for i, w := range c.pending[key] {
		if err == nil || i%2 == 0 {
			c.durable[key] = overwrite(c.durable[key], w.off, w.data)
		}
	}
	delete(c.pending, key)
	if hook := c.onSync; hook != nil {
		c.mu.Unlock()
		hook()
		c.mu.Lock()
	}
	return err
}

func overwrite(b []byte, off int64, data []byte) []byte {
	if missing := int(off) + len(data) - len(b); missing > 0 {
		b = append(b, make([]byte, missing)...)
	}
	copy(b[off:], data)
	return b
}

// cut returns a directory as a power cut leaves it: of what was written since
// the last sync, any sectors may be there and others not.
func (c *card) cut(t testing.TB, dir string, rnd *rand.Rand) string {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	to := t.TempDir()
	names := c.names
	if rnd.IntN(2) == 0 {
		names = list(dir)
	}
	keep := rnd.IntN(4) // of four
	for _, name := range names {
		key := cardKey(name)
		b := bytes.Clone(c.durable[key])
		for _, w := range c.pending[key] {
			for i := 0; i < len(w.data); {
				n := min(len(w.data)-i, 512-int(w.off+int64(i))%512)
				if rnd.IntN(4) < keep {
					b = overwrite(b, w.off+int64(i), w.data[i:i+n])
				}
				i += n
			}
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// insert makes the card that of a directory where all is durable.
func (c *card) insert(t testing.TB, dir string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.durable)
	clear(c.pending)
	c.names = list(dir)
	for _, name := range c.names {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		c.durable[cardKey(name)] = b
	}
}

package recording

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

const (
	flushEvery = 250 * time.Millisecond
	maxBacklog = 1 << 20 // bytes that may wait for the disk
)

// A Writer writes transactions to a file. It never holds up who carries them:
// what waits for the disk does so in memory, up to a bound.
type Writer struct {
	file  *os.File
	whole int64 // bytes in it

	mu       sync.Mutex
	buf      []byte // for the next flush
	spare    []byte // of the flush before
	size     int    // bytes recorded
	recorded int
	failed   int   // of those
	err      error // why it has ended early
}

// Create creates the file at path, or empties it, and writes the head.
func Create(path string, h Head) (*Writer, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("creating the recording: %w", err)
	}
	w := &Writer{file: file, buf: appendHead(nil, path, h)}
	w.size = len(w.buf)
	return w, nil
}

// Record takes down a transaction. It may be called by several goroutines, and
// does nothing once the recording has ended early.
func (w *Writer) Record(t Transaction) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return
	}
	const room = 1 << 10 // for the last line
	before := len(w.buf)
	w.buf = appendLine(w.buf, t)
	added := len(w.buf) - before
	switch {
	case len(w.buf) > maxBacklog:
		w.err = errors.New("the disk does not keep up: record to another one")
	case w.size+added > maxFile-room:
		w.err = fmt.Errorf("the recording has %d MiB, and is as long as one can be", maxFile>>20)
	default:
		w.size += added
		w.recorded++
		if t.Err != nil {
			w.failed++
		}
		return
	}
	w.buf = w.buf[:before] // all up to here is whole
}

// Run brings to the file what is recorded, until ctx ends. It returns early
// when the recording cannot go on; what it holds by then is good.
func (w *Writer) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		if err := w.flush(); err != nil {
			return err
		}
	}
}

// flush is called by one goroutine at a time.
func (w *Writer) flush() error {
	w.mu.Lock()
	out := w.buf
	w.buf = w.spare[:0]
	err := w.err
	w.mu.Unlock()
	n, werr := w.file.Write(out)
	if werr != nil {
		err = fmt.Errorf("writing the recording: %w", werr)
		// A disk that is full has taken the beginning of a line.
		n = bytes.LastIndexByte(out[:n], '\n') + 1
		_ = w.file.Truncate(w.whole + int64(n))
	}
	w.whole += int64(n)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spare, w.err = out, err
	return err
}

// Close completes the file, after Run has returned. It returns how many
// transactions are in it, and how many of them failed.
func (w *Writer) Close() (recorded, failed int, err error) {
	w.mu.Lock()
	w.buf = fmt.Appendf(w.buf, "# the end, %s: %d transactions, %d failed\n", time.Now().UTC().Format(time.RFC3339), w.recorded, w.failed)
	recorded, failed, w.err = w.recorded, w.failed, nil
	w.mu.Unlock()
	err = w.flush()
	if serr := w.file.Sync(); err == nil && serr != nil {
		err = fmt.Errorf("writing the recording: %w", serr)
	}
	if cerr := w.file.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("writing the recording: %w", cerr)
	}
	return recorded, failed, err
}

package recording

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A disk that is full takes part of a line. What was recorded before can be
// played back. A limit on the length of files stands for the disk.
func TestWriterOnAFullDisk(t *testing.T) {
	w, path := recorded(t)
	const full = 1000
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limit := syscall.Rlimit{Cur: full, Max: before.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		w.Record(Transaction{Bus: "i2c-1", Address: 0x76, Written: make([]byte, 60)})
	}
	err := w.Run(t.Context())
	if rerr := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); rerr != nil {
		t.Fatal(rerr)
	}
	if !errors.Is(err, syscall.EFBIG) {
		t.Fatalf("error %v", err)
	}
	finish(t, w)
	if len(transactions(text(t, path))) < 2 || !strings.Contains(text(t, path), "\n# the end, ") {
		t.Errorf("the file has\n%s", text(t, path))
	}
	if _, err := Open(path); err != nil {
		t.Error(err)
	}
}

// A pipe is refused, and not waited for until somebody writes to it.
func TestOpenAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() {
		_, err := Open(path)
		opened <- err
	}()
	select {
	case err := <-opened:
		if err == nil || !strings.Contains(err.Error(), "is no recording") {
			t.Errorf("error %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("waits for the pipe")
	}
}

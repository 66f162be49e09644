//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestProcessIsMeasuredFromOutside(t *testing.T) {
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p, err := start(t.Context(), nil, log, "/bin/sh", "-c", "while :; do :; done")
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	const enough = 30 * time.Millisecond
	var used time.Duration
	for used < enough && err == nil {
		time.Sleep(time.Millisecond)
		used, err = p.cpu()
	}
	if err != nil {
		t.Fatal(err)
	}
	if m, err := p.memory(); err != nil || m.dirty < 10<<10 || m.pss < m.dirty || m.pss > 100<<20 {
		t.Errorf("a shell takes %+v, error %v", m, err)
	}
	p.stop()
	// What wait4(2) tells is the truth, in steps of a scheduler's tick at worst.
	if total := p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime(); total < used-10*time.Millisecond {
		t.Errorf("used %v while it ran and %v in all", used, total)
	}
}

package sysfs

import (
	"io/fs"
	"testing/fstest"
)

// tree is a /sys whose attributes can be made to fail, also once they are open,
// as those of an unplugged device do.
type tree struct {
	fstest.MapFS
	faults map[string]error // by path below /sys
	opened map[string]int   // how often, less how often it was closed
}

func (t tree) Open(name string) (fs.File, error) {
	f, err := t.MapFS.Open(name)
	if r, ok := f.(readerAt); ok && err == nil {
		if t.opened != nil {
			t.opened[name]++
		}
		return faultyFile{f, r, t, name}, nil
	}
	return f, err
}

type faultyFile struct {
	fs.File
	readerAt
	tree tree
	name string
}

func (f faultyFile) Close() error {
	if f.tree.opened != nil {
		f.tree.opened[f.name]--
	}
	return f.File.Close()
}

func (f faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.tree.faults[f.name]; err != nil {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: err}
	}
	return f.readerAt.ReadAt(p, off)
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func link(target string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
}

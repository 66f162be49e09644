package sysfs

import (
	"errors"
	"io/fs"
	"path"
)

// A Folder is that of one device. It keeps what was opened in it, to close it
// with itself.
type Folder struct {
	root fs.FS
	path string // below /sys
	open []*Attribute
}

// Open opens the first of some attributes that exists, or says of the last one
// that it does not.
func (f *Folder) Open(names ...string) (*Attribute, error) {
	var err error
	for _, name := range names {
		var a *Attribute
		if a, err = open(f.root, path.Join(f.path, name)); err == nil {
			f.open = append(f.open, a)
			return a, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return nil, err
}

// OpenIfThere is Open for an attribute that may be missing: it is nil then.
func (f *Folder) OpenIfThere(names ...string) (*Attribute, error) {
	a, err := f.Open(names...)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return a, err
}

// Text reads an attribute that does not change, such as a label.
func (f *Folder) Text(name string) (string, error) {
	return readText(f.root, path.Join(f.path, name))
}

// Names lists what is in the folder, in order.
func (f *Folder) Names() ([]string, error) { return List(f.root, f.path) }

func (f *Folder) close() {
	for _, a := range f.open {
		_ = a.file.Close() // nothing was written
	}
	f.open = nil
}

// Package sysfs is what the drivers of sensors that the Linux kernel reads
// itself have in common: finding a device below /sys, and reading its
// attributes, files of one short text each. What an attribute means is told by
// the drivers, iio, hwmon and w1. Nothing is ever written.
package sysfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strconv"
)

// Root returns /sys.
func Root() fs.FS { return os.DirFS("/sys") }

// List returns the names of what is in a folder below /sys, in order.
func List(root fs.FS, dir string) ([]string, error) {
	entries, err := fs.ReadDir(root, dir)
	if err != nil {
		return nil, explain(dir, err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// limit is the length of text from which on something is wrong. The kernel
// gives a page of 4 KiB at most; the numbers and names read here have less than
// 80 bytes.
const limit = 256

// An Attribute is an open attribute. A read from its start makes the kernel
// measure anew (Documentation/filesystems/sysfs.rst, "Reading/Writing Attribute
// Data"), so it is opened once. That is cheaper, and safer too: an open
// attribute stays with its device, and reading it says [Gone] once the device
// is, even if another has taken over its number, and so its path.
type Attribute struct {
	path string // below /sys
	file readerAt
	text [limit]byte // kept, so that reading allocates nothing
}

type readerAt interface {
	io.ReaderAt
	io.Closer
}

func open(root fs.FS, path string) (*Attribute, error) {
	f, err := root.Open(path)
	if err != nil {
		return nil, explain(path, err)
	}
	file, ok := f.(readerAt)
	if !ok {
		return nil, errors.Join(explain(path, errors.New("it is a folder")), f.Close())
	}
	return &Attribute{path: path, file: file}, nil
}

// Text has the kernel make the attribute's text anew and returns it without
// the space around it. It holds until the next call.
func (a *Attribute) Text() ([]byte, error) {
	n, err := a.file.ReadAt(a.text[:], 0)
	switch {
	case err == nil:
		return nil, explain(a.path, fmt.Errorf("it has %d bytes or more, too many for an attribute", limit))
	case err != io.EOF:
		return nil, explain(a.path, err)
	}
	return bytes.TrimSpace(a.text[:n]), nil
}

// Number reads an attribute that holds one finite number.
func (a *Attribute) Number() (float64, error) {
	text, err := a.Text()
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, explain(a.path, fmt.Errorf("%q is not a number", text))
	}
	return v, nil
}

// readText reads an attribute that does not change, such as a name.
func readText(root fs.FS, path string) (string, error) {
	a, err := open(root, path)
	if err != nil {
		return "", err
	}
	defer a.file.Close()
	text, err := a.Text()
	return string(text), err
}

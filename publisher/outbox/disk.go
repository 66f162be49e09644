package outbox

import (
	"errors"
	"io"
	"os"

	"sensor-agent/internal/durable"
	"sensor-agent/internal/rawsys"
)

// A disk is how files are read and written: the seam where tests put a full,
// dying or lying disk.
type disk struct {
	readAt  func(f *os.File, b []byte, off int64) (int, error)
	writeAt func(f *os.File, b []byte, off int64) (int, error)
	sync    func(f *os.File) error
	replace func(path string, content []byte) error // of a small file; durable when it returns
}

func realDisk() disk {
	return disk{(*os.File).ReadAt, rawsys.WriteAt, fdatasync, durable.Write}
}

// syncDir makes the names in a directory durable.
func (d disk) syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return d.sync(f)
}

// A page is the unit in which a dying disk loses data.
const page = 4096

// A pageReader reads a file as far as it can be read: pages that cannot are
// zeros.
type pageReader struct {
	disk disk
	file *os.File
}

// ReadAt implements io.ReaderAt.
func (r pageReader) ReadAt(b []byte, off int64) (int, error) {
	n, err := r.disk.readAt(r.file, b, off)
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
		return n, err
	}
	for n = 0; n < len(b); {
		end := min(len(b), n+page-int(off+int64(n))%page)
		m, err := r.disk.readAt(r.file, b[n:end], off+int64(n))
		if errors.Is(err, io.EOF) {
			return n + m, io.EOF
		}
		if err != nil {
			clear(b[n:end])
		}
		n = end
	}
	return n, nil
}

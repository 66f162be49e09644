package virtualpi

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"testing"
)

// An entry is a file of the archive, with where its content comes from.
type entry struct {
	name string // without a slash ahead
	from string
}

const (
	modeFolder  = 0o040755
	modeProgram = 0o100755
)

// writeArchive writes the initial RAM disk: an archive in cpio's "newc" format
// (Documentation/driver-api/early-userspace/buffer-format.rst of the Linux
// kernel), in which each folder comes before what is in it.
func writeArchive(t *testing.T, to string, entries []entry) {
	t.Helper()
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	folders := map[string]bool{".": true}
	for i, e := range entries {
		if folder := path.Dir(e.name); !folders[folder] {
			folders[folder] = true
			writeRecord(w, len(entries)+i, folder, modeFolder, nil)
		}
		content, err := os.ReadFile(e.from)
		if err != nil {
			t.Fatal(err)
		}
		writeRecord(w, i, e.name, modeProgram, content)
	}
	writeRecord(w, 0, "TRAILER!!!", 0, nil)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// writeRecord leaves errors to the Flush of w.
func writeRecord(w *bufio.Writer, inode int, name string, mode int, content []byte) {
	n, _ := fmt.Fprintf(w, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name)+1, 0, name)
	pad(w, n)
	_, _ = w.Write(content)
	pad(w, len(content))
}

// pad fills up to a multiple of 4 bytes.
func pad(w *bufio.Writer, n int) { _, _ = w.Write(make([]byte, -n&3)) }

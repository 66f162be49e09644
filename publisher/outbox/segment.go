package outbox

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// headerMagic is the payload of a header, so that a person who looks into the
// file sees what it is.
const headerMagic = "sensor-agent outbox 1\n"

// headerSize is where a segment's frames begin: after its header.
const headerSize = int64((frameHead + len(headerMagic) + frameAlign - 1) &^ (frameAlign - 1))

// File names: segments are numbered in the order they were made.
const (
	segmentPattern = "*.seg"
	newPattern     = "*.new" // being filled with zeros
	badPattern     = "*.bad" // damaged, kept for a person to look at
	keepBad        = 2
)

// A segment is one file of the log, and its present life.
type segment struct {
	name   string // its path
	file   *os.File
	size   int64
	serial uint64   // number of its life; each new life gets the next; 0 if its header is lost
	base   Position // lowest in it
	end    Position // highest in it that counts; base-1 when there is none
	used   int64    // where the next frame goes

	dirty   bool // written since it was last synced
	suspect bool // unreadable in part, or not synced when it should have been: never written again
	damaged bool // a scan stepped over bytes in it: no new life overwrites them, a person may want to look
}

func headerFrame(k kind, position Position, serial uint64) frame {
	return frame{kind: k, position: position, seq: serial, payload: []byte(headerMagic)}
}

// createSegment makes a segment that is not in use. It gets its final name
// only when it is complete and durable.
func createSegment(d disk, dir string, number int, size int64) (*segment, error) {
	name := filepath.Join(dir, fmt.Sprintf("%08d.seg", number))
	unfinished := name[:len(name)-len(".seg")] + ".new"
	f, err := os.OpenFile(unfinished, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	err = fill(d, f, size)
	if err == nil {
		err = os.Rename(unfinished, name)
	}
	if err == nil {
		err = d.syncDir(dir)
	}
	if err != nil {
		f.Close()
		os.Remove(unfinished)
		os.Remove(name)
		return nil, err
	}
	return &segment{name: name, file: f, size: size, used: headerSize}, nil
}

// fileNumber is the number in a segment's name.
func fileNumber(name string) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(filepath.Base(name), ".seg"))
	return n
}

// fill writes zeros, so that the blocks are there for good: writing in place
// cannot fail for want of space, and changes no metadata.
func fill(d disk, f *os.File, size int64) error {
	zeros := make([]byte, 64<<10)
	for off := int64(0); off < size; off += int64(len(zeros)) {
		if _, err := d.writeAt(f, zeros[:min(int64(len(zeros)), size-off)], off); err != nil {
			return err
		}
	}
	if _, err := d.writeAt(f, appendFrame(nil, headerFrame(kindFree, 0, 0)), 0); err != nil {
		return err
	}
	return d.sync(f)
}

// records yields the records of s up to end that can be read. The payload is
// valid until the next one.
func (s *segment) records(d disk, end Position) iter.Seq[frame] {
	return func(yield func(frame) bool) {
		scan := s.scanner(d, s.used)
		for {
			f, ok := scan.scan()
			if !ok || f.position > end || f.kind == kindRecord && !yield(f) {
				return
			}
		}
	}
}

// setAside takes a damaged segment out of use.
func (s *segment) setAside() {
	s.file.Close()
	os.Rename(s.name, s.name[:len(s.name)-len(".seg")]+".bad")
	bad, _ := filepath.Glob(filepath.Join(filepath.Dir(s.name), badPattern))
	slices.Sort(bad)
	for _, old := range bad[:max(0, len(bad)-keepBad)] {
		os.Remove(old)
	}
}

package outbox

import (
	"encoding/binary"
	"hash/crc32"
)

// A kind says what a frame is.
type kind byte

const (
	kindRecord kind = 1 + iota
	kindMark        // what is acknowledged; see mark.go
	kindClean       // the mark of a queue that was closed: the last frame of a run
	kindHeader      // first in a segment in use: position is the lowest in it, seq the number of its life
	kindFree        // first in a segment not in use
	kinds
)

const (
	frameHead  = 32 // bytes before the payload
	frameAlign = 8
	maxFrame   = frameHead + MaxPayload
	// No position reaches this, so that arithmetic on what a file claims
	// cannot overflow.
	maxPosition = Position(1) << 62
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

type frame struct {
	kind     kind
	position Position
	epoch    uint64
	seq      uint64
	payload  []byte
}

// event reports whether f is a record that tells of delivery: nothing else says
// what it does.
func (f frame) event() bool { return f.kind == kindRecord && f.seq == 0 && f.epoch > 0 }

// size is the bytes f takes in a file.
func (f frame) size() int {
	return (frameHead + len(f.payload) + frameAlign - 1) &^ (frameAlign - 1)
}

func appendFrame(b []byte, f frame) []byte {
	start := len(b)
	b = append(b, make([]byte, 4)...) // the checksum, below
	b = binary.LittleEndian.AppendUint32(b, uint32(f.kind)<<24|uint32(len(f.payload)))
	b = binary.LittleEndian.AppendUint64(b, uint64(f.position))
	b = binary.LittleEndian.AppendUint64(b, f.epoch)
	b = binary.LittleEndian.AppendUint64(b, f.seq)
	b = append(b, f.payload...)
	binary.LittleEndian.PutUint32(b[start:], checksum(b[start+4:]))
	return append(b, make([]byte, start+f.size()-len(b))...)
}

// parseHead reads the fixed part of a frame without checking its checksum.
// ok means that it could be one; length is that of its payload.
func parseHead(b []byte) (f frame, length int, ok bool) {
	if len(b) < frameHead {
		return frame{}, 0, false
	}
	word := binary.LittleEndian.Uint32(b[4:])
	f = frame{
		kind:     kind(word >> 24),
		position: Position(binary.LittleEndian.Uint64(b[8:])),
		epoch:    binary.LittleEndian.Uint64(b[16:]),
		seq:      binary.LittleEndian.Uint64(b[24:]),
	}
	length = int(word & 0xffffff)
	ok = f.kind > 0 && f.kind < kinds && length <= MaxPayload && f.position < maxPosition
	return f, length, ok
}

// parseFrame reads the frame at the start of b, if there is a whole one. Its
// payload is a part of b. Padding may be missing: it carries nothing.
func parseFrame(b []byte) (frame, bool) {
	f, length, ok := parseHead(b)
	if !ok || len(b) < frameHead+length {
		return frame{}, false
	}
	b = b[:frameHead+length]
	if binary.LittleEndian.Uint32(b) != checksum(b[4:]) {
		return frame{}, false
	}
	f.payload = b[frameHead:]
	return f, true
}

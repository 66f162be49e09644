package outbox

import "encoding/binary"

// MaxMarkSpans bounds a mark. Dropping the rest means duplicates at worst, or
// that a gap is told twice; the last spans are kept, because the widest, that
// of the new records, is at the end.
const (
	maxMarkSpans = 64
	maxMarkSize  = frameHead + 16 + maxMarkSpans*16
)

// A mark is what a mark frame says: what is acknowledged, and how far the run
// that wrote it had counted.
type mark struct {
	epoch   uint64
	lastSeq uint64
	acks    spans
}

// markFrame puts m into a frame. Position is that of the next record in the
// file, serial the number of the segment's life; buf is used for the payload.
func markFrame(k kind, position Position, serial uint64, m *mark, buf []byte) frame {
	above := m.acks.above
	above = above[max(0, len(above)-maxMarkSpans):]
	buf = binary.LittleEndian.AppendUint64(buf[:0], serial)
	buf = binary.LittleEndian.AppendUint64(buf, m.lastSeq)
	for _, s := range above {
		buf = binary.LittleEndian.AppendUint64(buf, uint64(s.from))
		buf = binary.LittleEndian.AppendUint64(buf, uint64(s.to))
	}
	return frame{kind: k, position: position, epoch: m.epoch, seq: uint64(m.acks.low), payload: buf}
}

// parseMark reads what f says. Spans that cannot be are left out.
func parseMark(f frame) mark {
	m := mark{epoch: f.epoch}
	if p := Position(f.seq); p < maxPosition {
		m.acks.low = p
	}
	if len(f.payload) < 16 {
		return m
	}
	m.lastSeq = binary.LittleEndian.Uint64(f.payload[8:])
	for b := f.payload[16:]; len(b) >= 16; b = b[16:] {
		from := Position(binary.LittleEndian.Uint64(b))
		to := Position(binary.LittleEndian.Uint64(b[8:]))
		if from > 0 && to < maxPosition {
			m.acks.add(from, to)
		}
	}
	return m
}

// addTo adds what m says to be acknowledged.
func (m mark) addTo(acks *spans) {
	acks.add(1, m.acks.low)
	for _, s := range m.acks.above {
		acks.add(s.from, s.to)
	}
}

// markSerial is the number of the life that a mark was written in. A record
// needs none: its position tells.
func markSerial(f frame) uint64 {
	if len(f.payload) < 16 {
		return 0
	}
	return binary.LittleEndian.Uint64(f.payload)
}

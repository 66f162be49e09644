package outbox

import (
	"slices"
	"time"
)

// A memory holds the newest records, without a gap in their positions. The
// queue reads new records from it instead of from the disk, and it is where
// they wait while the disk takes none.
//
// Both slices are used like a ruler moving along: dropping only moves the
// start, and what lies before it is reclaimed when there is no room at the end.
type memory struct {
	first Position // of slots[head]
	slots []slot
	head  int
	data  []byte // the payloads, in order
	base  int    // what slot.start of data[0] would be
}

type slot struct {
	epoch, seq uint64
	at         time.Duration // when it was appended, on the queue's clock
	start      int           // of the payload, counted over the memory's life
	length     int
}

// slotSize is what a record takes beside its payload.
const slotSize = 48

func (m *memory) len() int { return len(m.slots) - m.head }

// size is the bytes in use.
func (m *memory) size() int {
	n := m.len()
	if n == 0 {
		return 0
	}
	return m.base + len(m.data) - m.slots[m.head].start + n*slotSize
}

// push adds a record, which has to follow the last.
func (m *memory) push(p Position, r Record, at time.Duration) {
	if m.len() == 0 {
		m.first, m.head, m.base = p, 0, 0
		m.slots, m.data = m.slots[:0], m.data[:0]
	}
	if len(m.slots) == cap(m.slots) && m.head > len(m.slots)/4 {
		m.slots = slices.Delete(m.slots, 0, m.head)
		m.head = 0
	}
	if len(m.data)+len(r.Payload) > cap(m.data) && m.len() > 0 {
		if dead := m.slots[m.head].start - m.base; dead > len(m.data)/4 {
			m.data = slices.Delete(m.data, 0, dead)
			m.base += dead
		}
	}
	m.slots = append(m.slots, slot{r.Epoch, r.Seq, at, m.base + len(m.data), len(r.Payload)})
	m.data = append(m.data, r.Payload...)
}

// drop forgets the first record.
func (m *memory) drop() {
	m.head++
	m.first++
	if m.len() == 0 && cap(m.data) > recentSize {
		*m = memory{first: m.first} // an outage is over: give back what it took
	}
}

func (m *memory) holds(p Position) bool {
	return p >= m.first && p < m.first+Position(m.len())
}

// age is how long before now the record at p was appended.
func (m *memory) age(p Position, now time.Duration) time.Duration {
	return now - m.slots[m.head+int(p-m.first)].at
}

// frame returns the record at p. The payload is valid until the next push.
func (m *memory) frame(p Position) frame {
	s := m.slots[m.head+int(p-m.first)]
	start := s.start - m.base
	return frame{kindRecord, p, s.epoch, s.seq, m.data[start : start+s.length]}
}

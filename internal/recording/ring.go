package recording

import "time"

// A mark says of a transaction that it was the first of something.
type mark uint8

const (
	opens mark = iota + 1 // of the opening of the sensor
	reads                 // of one of its readings
)

// A ring holds the latest transactions with one chip, in memory of a fixed
// size. The bytes of each lie together.
type ring struct {
	entries      []entry
	first, count int
	data         []byte
	tail         int // in data, after the bytes that were put last
}

// An entry is a transaction without what is the same for all of a chip. It is
// 48 bytes long, as there are some hundreds for each chip.
type entry struct {
	at, took time.Duration
	err      error
	from     int32 // in data, of what was written; what was read comes next
	written  int16 // bytes, maxLength at most
	asked    int16
	mark     mark
}

func newRing(entries, bytes int) *ring {
	return &ring{entries: make([]entry, entries), data: make([]byte, bytes)}
}

// room finds a place for another entry with n bytes.
func (r *ring) room(n int) (from int, ok bool) {
	if r.count == len(r.entries) {
		return 0, false
	}
	if r.count == 0 {
		return 0, n <= len(r.data)
	}
	switch head := int(r.entries[r.first].from); {
	case r.tail < head: // from head what is held goes over the end
		return r.tail, r.tail+n < head
	case r.tail+n <= len(r.data):
		return r.tail, true
	default:
		return 0, n < head
	}
}

// push puts a transaction after the others, if there is room.
func (r *ring) push(t Transaction, m mark) bool {
	n := len(t.Written) + len(t.Read)
	from, ok := r.room(n)
	if !ok {
		return false
	}
	copy(r.data[from:], t.Written)
	copy(r.data[from+len(t.Written):], t.Read)
	r.tail = from + n
	r.entries[(r.first+r.count)%len(r.entries)] = entry{
		at: t.At, took: t.Took, err: t.Err, mark: m,
		from: int32(from), written: int16(len(t.Written)), asked: int16(t.Asked),
	}
	r.count++
	return true
}

// pop takes the oldest off. Its bytes hold until the next push.
func (r *ring) pop() (Transaction, mark) {
	t, m := r.at(0)
	r.entries[r.first].err = nil
	r.first = (r.first + 1) % len(r.entries)
	r.count--
	return t, m
}

// at returns the transaction with i older ones before it. Its bytes hold until
// it has left the ring.
func (r *ring) at(i int) (Transaction, mark) {
	e := r.entries[(r.first+i)%len(r.entries)]
	t := Transaction{At: e.at, Took: e.took, Err: e.err, Asked: int(e.asked)}
	end := int(e.from) + int(e.written)
	t.Written = r.data[e.from:end]
	if e.err == nil {
		t.Read = r.data[end : end+t.Asked]
	}
	return t, e.mark
}

func (r *ring) clear() {
	clear(r.entries) // of errors
	r.first, r.count, r.tail = 0, 0, 0
}

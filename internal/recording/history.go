package recording

import "bytes"

const (
	recentEntries, recentBytes   = 512, 16 << 10
	openingEntries, openingBytes = 96, 4 << 10
)

// A history is the latest transactions with one chip, and those of an opening
// before them, without which no driver could make sense of the others: what it
// reads then is how the chip is calibrated. It takes some 55 KiB.
type history struct {
	recent *ring
	next   mark // of the next transaction

	// What has left recent last belonged to an opening (opens), to readings
	// (reads), or to neither. The opening that is just leaving is in leaving;
	// when its first reading leaves too it had succeeded, and is in opening.
	leaves           mark
	opening, leaving *ring
	lost             uint64 // transactions that left recent, after those of opening
}

func newHistory() *history {
	return &history{
		recent:  newRing(recentEntries, recentBytes),
		opening: newRing(openingEntries, openingBytes),
		leaving: newRing(openingEntries, openingBytes),
	}
}

// add puts a transaction after the others; the oldest make room for it. It
// allocates nothing.
func (h *history) add(t Transaction) {
	m := h.next
	h.next = 0
	if len(t.Written) > maxLength || t.Asked > maxLength {
		return // no bus carries it
	}
	for !h.recent.push(t, m) {
		h.leave(h.recent.pop())
	}
}

// leave decides on a transaction that leaves recent.
func (h *history) leave(t Transaction, m mark) {
	switch {
	case m == opens: // what was leaving has failed
		h.forgo()
		h.leaves = opens
	case m == reads && h.leaves == opens:
		h.opening, h.leaving = h.leaving, h.opening
		h.leaving.clear()
		h.leaves, h.lost = reads, 0
	case m == reads:
		h.leaves = reads
	}
	if h.leaves == opens {
		if h.leaving.push(t, m) {
			return
		}
		h.forgo() // too long: the opening before will do
	}
	h.lost++
}

// forgo gives up the opening that is leaving.
func (h *history) forgo() {
	h.lost += uint64(h.leaving.count)
	h.leaving.clear()
	h.leaves = 0
}

// kept returns what a recording is made of, as transactions of the chip at a
// place: either all since an opening, or an opening and, after a gap, whole
// readings.
func (h *history) kept(at place) []Transaction {
	list := make([]Transaction, 0, h.opening.count+h.recent.count)
	from := 0
	switch {
	case h.leaves == opens:
		list = h.leaving.appendTo(list, at, 0)
	case h.lost > 0:
		var m mark
		if from, m = h.recent.firstMarked(); m != opens {
			list = h.opening.appendTo(list, at, 0)
		}
	}
	whole := len(list)
	list = h.recent.appendTo(list, at, from)
	if h.leaves != opens && whole > 0 && len(list) > whole {
		list[whole].Missing = h.lost + uint64(from)
	}
	return list
}

// firstMarked returns the index of the oldest transaction with a mark, and that;
// 0 and no mark if there is none.
func (r *ring) firstMarked() (int, mark) {
	for i := range r.count {
		if _, m := r.at(i); m != 0 {
			return i, m
		}
	}
	return 0, 0
}

// appendTo appends copies of the transactions from the given one on.
func (r *ring) appendTo(list []Transaction, at place, from int) []Transaction {
	for i := from; i < r.count; i++ {
		t, _ := r.at(i)
		t.Bus, t.Address = at.bus, at.address
		t.Written, t.Read = bytes.Clone(t.Written), bytes.Clone(t.Read)
		list = append(list, t)
	}
	return list
}

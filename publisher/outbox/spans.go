package outbox

import (
	"iter"
	"slices"
	"sort"
)

// A span is the positions from..to, both included.
type span struct{ from, to Position }

// Spans is a set of positions: what nobody has to deliver any more, because it
// was acknowledged, given up or never existed. All up to low are in it, and a
// few spans above: the lane that sends new records is acknowledged far ahead
// of the one that works off the backlog.
type spans struct {
	low   Position
	above []span // ascending; neither overlapping nor adjacent, nor adjacent to low
}

// add puts from..to into the set; nothing when to < from.
func (s *spans) add(from, to Position) {
	if to < from || to <= s.low {
		return
	}
	if from <= s.low+1 {
		s.low = to
		n := 0
		for n < len(s.above) && s.above[n].from <= s.low+1 {
			s.low = max(s.low, s.above[n].to)
			n++
		}
		s.above = slices.Delete(s.above, 0, n)
		return
	}
	i := s.at(from - 1) // adjacent counts as touching
	j := i
	for j < len(s.above) && s.above[j].from <= to+1 {
		from, to = min(from, s.above[j].from), max(to, s.above[j].to)
		j++
	}
	s.above = slices.Replace(s.above, i, j, span{from, to})
}

// at is the index of the first span that ends at p or later.
func (s *spans) at(p Position) int {
	// The last span grows with each new record's acknowledgement: ask it first.
	if n := len(s.above); n == 0 || s.above[n-1].to < p {
		return n
	}
	return sort.Search(len(s.above), func(i int) bool { return s.above[i].to >= p })
}

// next is the first position after p that is not in the set.
func (s *spans) next(p Position) Position {
	p = max(p, s.low) + 1
	if i := s.at(p); i < len(s.above) && s.above[i].from <= p {
		return s.above[i].to + 1
	}
	return p
}

func (s *spans) has(p Position) bool {
	return p <= s.low || s.next(p-1) != p
}

// covers reports whether all of from..to are in the set.
func (s *spans) covers(from, to Position) bool {
	return to < from || s.next(from-1) > to
}

// rest yields what of from..to is not in the set, which must not change
// meanwhile.
func (s *spans) rest(from, to Position) iter.Seq[span] {
	return func(yield func(span) bool) {
		for p := s.next(from - 1); p <= to; {
			end := to
			if i := s.at(p); i < len(s.above) {
				end = min(to, s.above[i].from-1)
			}
			if !yield(span{p, end}) {
				return
			}
			p = s.next(end)
		}
	}
}

// missing is how many of from..to are not in the set.
func (s *spans) missing(from, to Position) uint64 {
	var n uint64
	for r := range s.rest(from, to) {
		n += uint64(r.to - r.from + 1)
	}
	return n
}

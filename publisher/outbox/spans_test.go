package outbox

import "testing"

func TestSpansAgainstASet(t *testing.T) {
	rnd := seeded(t, 1)
	for range 300 {
		var s spans
		const size = 60
		set := [size + 2]bool{0: true}
		for range rnd.IntN(40) {
			from := Position(rnd.IntN(size) + 1)
			to := min(size, from+Position(rnd.IntN(6))-1)
			s.add(from, to)
			for p := from; p <= to; p++ {
				set[p] = true
			}
			compareSpans(t, s, set[:])
		}
	}
}

func compareSpans(t *testing.T, s spans, set []bool) {
	t.Helper()
	var missing uint64
	last := Position(len(set) - 2)
	for p := Position(1); p <= last; p++ {
		if s.has(p) != set[p] {
			t.Fatalf("%v: has(%d) = %v", s, p, s.has(p))
		}
		if !set[p] {
			missing++
		}
		next := p + 1
		for set[min(int(next), len(set)-1)] {
			next++
		}
		if got := s.next(p); got != next {
			t.Fatalf("%v: next(%d) = %d, want %d", s, p, got, next)
		}
	}
	if got := s.missing(1, last); got != missing {
		t.Fatalf("%v: missing %d, want %d", s, got, missing)
	}
	if s.covers(1, last) != (missing == 0) {
		t.Fatalf("%v: covers", s)
	}
	low := s.low
	for _, a := range s.above {
		if a.from <= low+1 || a.to < a.from {
			t.Fatalf("%v: not in its shortest form", s)
		}
		low = a.to
	}
}

package consumer

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// span is the numbers from..to, both included.
type span struct{ from, to uint64 }

// spans is a set of numbers: ascending, apart from each other.
type spans []span

// add puts from..to into the set.
func (s *spans) add(from, to uint64) {
	v := *s
	i := sort.Search(len(v), func(i int) bool { return v[i].to+1 >= from })
	j := i
	for ; j < len(v) && v[j].from <= to+1; j++ {
		from, to = min(from, v[j].from), max(to, v[j].to)
	}
	*s = slices.Replace(v, i, j, span{from, to})
}

// has reports whether n is in the set.
func (s spans) has(n uint64) bool {
	i := sort.Search(len(s), func(i int) bool { return s[i].to >= n })
	return i < len(s) && s[i].from <= n
}

// holes returns the numbers of from..to that are not in the set.
func (s spans) holes(from, to uint64) spans {
	var holes spans
	for _, v := range s {
		if v.to < from {
			continue
		}
		if v.from > to {
			break
		}
		if v.from > from {
			holes = append(holes, span{from, v.from - 1})
		}
		from = v.to + 1
	}
	if from <= to {
		holes = append(holes, span{from, to})
	}
	return holes
}

// count returns how many of from..to are in the set.
func (s spans) count(from, to uint64) (n uint64) {
	for _, v := range s {
		if lo, hi := max(from, v.from), min(to, v.to); lo <= hi {
			n += hi - lo + 1
		}
	}
	return n
}

// text is the set for a person, its end cut off when it is long.
func (s spans) text() string {
	const most = 8
	var parts []string
	for i, v := range s {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(s)-most))
			break
		}
		if v.from == v.to {
			parts = append(parts, fmt.Sprint(v.from))
		} else {
			parts = append(parts, fmt.Sprintf("%d..%d", v.from, v.to))
		}
	}
	return strings.Join(parts, ", ")
}

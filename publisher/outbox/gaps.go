package outbox

import (
	"cmp"
	"slices"
	"time"
)

// Reasons of a gap, as docs/mqtt.md tells them to consumers.
const (
	reasonFull    = "outbox full"
	reasonMemory  = "memory full while the outbox could not be written"
	reasonByHand  = "dropped by hand"
	reasonDamaged = "outbox damaged"
	// A run that was killed, or lost its power, may have delivered what is
	// missing now: its last acknowledgements are not on the disk. Or it is not
	// known which of the missing records were readings.
	reasonDoubt = "outbox damaged; they may have been delivered"
	// What is left of gaps when there are too many to be told one by one.
	reasonSeveral = "outbox full or damaged; they may have been delivered"
	reasonEarlier = "outbox full or damaged, and so in earlier epochs; they may have been delivered"
)

// MaxGaps bounds what is remembered of gaps nobody asked for.
const maxGaps = 1024

// Gaps collects what was lost until somebody has been told.
type gaps struct {
	list    []Gap
	telling []Gap // handed out, and not told yet
	told    []Gap // told by records up to toldBy, which a power cut could still take
	toldBy  Position
	unsaved bool          // the file does not say the same
	saveAt  time.Duration // no earlier is the file tried again; 0 if it could be written
}

// add notes that one reading was lost. Events, which have no number, are
// nothing that a consumer could miss.
func (g *gaps) add(epoch, seq uint64, reason string) {
	if seq > 0 {
		g.addRange(Gap{epoch, seq, seq, 1, reason})
	}
}

func (g *gaps) addRange(gap Gap) {
	g.unsaved = true
	if n := len(g.list); n > 0 && touch(g.list[n-1], gap) {
		g.list[n-1] = join(g.list[n-1], gap)
		return
	}
	g.list = append(g.list, gap)
	if len(g.list) > maxGaps {
		g.list = bounded(g.list)
	}
}

// take hands out all gaps, merged, until told.
func (g *gaps) take() []Gap {
	g.telling, g.list = bounded(append(g.telling, g.list...)), nil
	return g.telling
}

// found takes a reading out of what is to be told: it is there after all.
func (g *gaps) found(epoch, seq uint64) {
	for i, gap := range g.list {
		if gap.Epoch != epoch || seq < gap.From || seq > gap.To || !gap.whole() {
			continue
		}
		var rest []Gap
		if n := seq - gap.From; n > 0 {
			rest = append(rest, Gap{epoch, gap.From, seq - 1, n, gap.Reason})
		}
		if n := gap.To - seq; n > 0 {
			rest = append(rest, Gap{epoch, seq + 1, gap.To, n, gap.Reason})
		}
		g.list = slices.Replace(g.list, i, i+1, rest...)
		g.unsaved = true
		return
	}
}

// merged joins neighbours, and what is told twice: what was found at two
// starts, because the first had no time to say so.
func merged(list []Gap) []Gap {
	slices.SortStableFunc(list, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.From, b.From))
	})
	n := 0
	for i, gap := range list {
		if i > 0 && touch(list[n-1], gap) {
			list[n-1] = join(list[n-1], gap)
			continue
		}
		list[n] = gap
		n++
	}
	return list[:n]
}

// bounded merges gaps, and makes of too many fewer that tell no less: numbers
// and counts stay right in ranges wider than needed, and causes are summed up.
// Only when more epochs than that have lost something the oldest are told in
// words alone.
func bounded(list []Gap) []Gap {
	list = merged(list)
	sameReason := func(a, b Gap) bool { return a.Epoch == b.Epoch && a.Reason == b.Reason }
	sameEpoch := func(a, b Gap) bool { return a.Epoch == b.Epoch }
	for _, alike := range []func(a, b Gap) bool{sameReason, sameEpoch} {
		for i := 0; len(list) > maxGaps && i+1 < len(list); i++ {
			if alike(list[i], list[i+1]) {
				list[i] = join(list[i], list[i+1])
				list = slices.Delete(list, i+1, i+2)
			}
		}
	}
	if n := len(list) - maxGaps; n > 0 {
		list = slices.Delete(list, 0, n)
		list[0].Reason = reasonEarlier
	}
	return list
}

// touch reports whether b goes on where a ends, or before.
func touch(a, b Gap) bool {
	return a.Epoch == b.Epoch && a.Reason == b.Reason && b.From >= a.From && b.From <= a.To+1
}

// whole reports whether all of From..To are missing.
func (g Gap) whole() bool { return g.Count == g.To-g.From+1 }

// join makes one gap of two of an epoch.
func join(a, b Gap) Gap {
	g := Gap{a.Epoch, min(a.From, b.From), max(a.To, b.To), a.Count + b.Count, a.Reason}
	if a.Reason != b.Reason {
		g.Reason = reasonSeveral
	}
	if a == b {
		g.Count = a.Count
	}
	g.Count = min(g.Count, g.To-g.From+1)
	return g
}

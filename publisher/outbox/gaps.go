package outbox

import (
	"cmp"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"sensor-agent/internal/durable"
)

// Reasons of a gap.
const (
	reasonFull    = "outbox full"
	reasonMemory  = "memory full while the outbox could not be written"
	reasonDamaged = "outbox damaged"
	reasonByHand  = "dropped by hand"
)

// MaxGaps bounds what is remembered of gaps nobody asked for.
const maxGaps = 1024

// gapsFile keeps in the outbox's directory what has not been told yet. It
// changes when a segment is given up, which is rarely.
const gapsFile = "gaps.json"

// Gaps collects what was lost until somebody has been told.
type gaps struct {
	list    []Gap
	telling []Gap  // handed out, and not told yet
	path    string // of the file; "" while there is no directory
	disk    disk
}

// load takes over what the run before has not told.
func (g *gaps) load(d disk, dir string) {
	g.path, g.disk = filepath.Join(dir, gapsFile), d
	text, err := durable.Read(g.path, 1<<20)
	if err != nil {
		return // there were none
	}
	var old []Gap
	if json.Unmarshal(text, &old) != nil {
		return // the consumers see them all the same, by the numbers
	}
	g.list = append(old, g.list...)
}

// save keeps what is still to be told over a restart.
func (g *gaps) save(log *slog.Logger) {
	if g.path == "" {
		return
	}
	g.merge()
	text, err := json.Marshal(append(slices.Clone(g.telling), g.list...))
	if err == nil {
		err = g.disk.replace(g.path, text)
	}
	if err != nil {
		log.Warn("gaps may not be told after a restart", "err", err)
	}
}

// told forgets what was handed out.
func (g *gaps) told(log *slog.Logger) {
	g.telling = nil
	switch {
	case g.path == "":
	case len(g.list) > 0:
		g.save(log)
	default:
		_ = os.Remove(g.path)
	}
}

// add notes that one reading was lost. Events, which have no number, are
// nothing that a consumer could miss.
func (g *gaps) add(epoch, seq uint64, reason string) {
	if seq > 0 {
		g.addRange(Gap{epoch, seq, seq, 1, reason})
	}
}

func (g *gaps) addRange(gap Gap) {
	if n := len(g.list); n > 0 && follows(g.list[n-1], gap) {
		g.list[n-1] = join(g.list[n-1], gap)
		return
	}
	g.list = append(g.list, gap)
	if len(g.list) > maxGaps {
		g.merge()
	}
	// Still too many: exact counts in ranges wider than needed. A log of many
	// epochs, each with a gap of its own, is bounded by forgetting the oldest.
	for i := 0; len(g.list) > maxGaps && i+1 < len(g.list); i++ {
		if a, b := g.list[i], g.list[i+1]; a.Epoch == b.Epoch && a.Reason == b.Reason {
			g.list[i] = join(a, b)
			g.list = slices.Delete(g.list, i+1, i+2)
		}
	}
	g.list = g.list[max(0, len(g.list)-maxGaps):]
}

// take hands out all gaps, merged, until told.
func (g *gaps) take() []Gap {
	g.merge()
	g.telling, g.list = append(g.telling, g.list...), nil
	return g.telling
}

// merge joins neighbours: readings of several streams do not reach the queue
// in the order of their numbers.
func (g *gaps) merge() {
	slices.SortStableFunc(g.list, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.From, b.From))
	})
	n := 0
	for i, gap := range g.list {
		if i > 0 && follows(g.list[n-1], gap) {
			g.list[n-1] = join(g.list[n-1], gap)
			continue
		}
		g.list[n] = gap
		n++
	}
	g.list = g.list[:n]
}

func follows(a, b Gap) bool {
	return a.Epoch == b.Epoch && a.Reason == b.Reason && b.From == a.To+1
}

func join(a, b Gap) Gap {
	return Gap{a.Epoch, a.From, b.To, a.Count + b.Count, a.Reason}
}

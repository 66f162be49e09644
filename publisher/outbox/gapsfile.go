package outbox

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"sensor-agent/internal/durable"
)

// gapsFile keeps in the outbox's directory what has not been told yet. It
// changes when a segment is given up, which is rarely.
const gapsFile = "gaps.json"

// readGaps returns what the run before has not told.
func readGaps(dir string) []Gap {
	text, err := durable.Read(filepath.Join(dir, gapsFile), 1<<20)
	if err != nil {
		return nil // there were none
	}
	var old []Gap
	if json.Unmarshal(text, &old) != nil {
		return nil // the consumers see them all the same, by the numbers
	}
	return old
}

// writeGaps keeps gaps over a restart and a power cut.
func writeGaps(d disk, dir string, list []Gap) error {
	path := filepath.Join(dir, gapsFile)
	if len(list) == 0 {
		_ = os.Remove(path) // if it comes back they are told again
		return nil
	}
	text, err := json.Marshal(bounded(list))
	if err != nil {
		return err
	}
	return d.replace(path, text)
}

// keepGaps brings the file up to date. The keeper does so before it writes
// anything else: a mark says of what was lost that nobody waits for it.
func (q *Queue) keepGaps() {
	q.saving.Lock()
	defer q.saving.Unlock()
	q.mu.Lock()
	stale := q.stale() && q.now() >= q.gaps.saveAt
	q.mu.Unlock()
	if stale {
		q.saveGaps(nil)
	}
}

// saveGaps writes the file of what is still to be told, and of more that is
// about to be lost. q.saving is held, q.mu is not.
func (q *Queue) saveGaps(more []Gap) {
	q.mu.Lock()
	list := append(q.untold(), more...)
	q.mu.Unlock()
	err := writeGaps(q.opt.disk, q.dir, list)
	q.mu.Lock()
	q.saved(err)
	q.mu.Unlock()
}

// saveGapsLocked is saveGaps for when the queue begins and ends: nobody waits
// for q.mu then, or for anything else.
func (q *Queue) saveGapsLocked(more []Gap) {
	q.saved(writeGaps(q.opt.disk, q.dir, append(q.untold(), more...)))
}

// saved notes whether the file could be written. A full disk can have no room
// for it while the segments take records.
func (q *Queue) saved(err error) {
	if err == nil {
		q.gaps.saveAt = 0
		return
	}
	if q.gaps.saveAt == 0 {
		q.opt.Log.Warn("gaps may not be told after a restart", "err", explain(q.dir, err))
	}
	q.gaps.unsaved, q.gaps.saveAt = true, q.now()+retryDelay
}

// stale reports whether the file has to be written.
func (q *Queue) stale() bool {
	return q.log != nil && (q.gaps.unsaved || len(q.gaps.told) > 0 && q.toldForGood())
}

// toldForGood reports whether the events that tell of gaps are delivered, or on
// the disk.
func (q *Queue) toldForGood() bool { return q.mark.acks.next(q.synced) > q.gaps.toldBy }

// untold returns what the file has to tell, and takes it for written.
func (q *Queue) untold() []Gap {
	g := &q.gaps
	if q.toldForGood() {
		g.told = nil
	}
	g.unsaved = false
	return slices.Concat(g.told, g.telling, g.list)
}

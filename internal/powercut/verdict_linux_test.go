package powercut

import (
	"fmt"
	"testing"
	"time"
)

// A loss is what a cut has cost.
type loss struct {
	readings int
	oldest   time.Duration // how long before the cut the first of them was queued
	stalled  time.Duration // see run.stalled
}

// losses returns what each cut has cost. It counts what was not received, so the
// agent after the last cut must have had the time to deliver all it found.
func (tr *trial) losses() []loss {
	list := make([]loss, len(tr.runs))
	for i, run := range tr.runs {
		list[i].stalled = run.stalled()
		for n, at := range run.queued {
			if at.After(run.cut) || tr.sink.has(id{run.epoch, uint64(n + 1)}) {
				continue
			}
			list[i].readings++
			list[i].oldest = max(list[i].oldest, run.cut.Sub(at))
		}
	}
	return list
}

// stalled is how long a flush may have been late because the machine was busy
// with something else: the longest time without a reading in the last seconds
// before the cut, and by how much the process was late that is the disk.
func (r run) stalled() time.Duration {
	var most time.Duration
	for i, at := range r.queued {
		next := r.cut
		if i+1 < len(r.queued) && r.queued[i+1].Before(r.cut) {
			next = r.queued[i+1]
		}
		if at.Before(r.cut) && r.cut.Sub(next) < 3*time.Second {
			most = max(most, next.Sub(at))
		}
	}
	return most + r.lag
}

// checkTruth compares what was received with what there was: nothing is
// invented, changed or out of order, and no epoch is used twice.
func (tr *trial) checkTruth(t *testing.T) {
	t.Helper()
	last := map[uint64]uint64{} // seq of each epoch
	var epoch uint64
	for i, run := range tr.runs {
		if run.epoch == 0 {
			continue
		}
		if run.epoch <= epoch {
			t.Errorf("run %d has epoch %d, after %d", i+1, run.epoch, epoch)
		}
		epoch = run.epoch
		// The end may come between a reading and its line in the log.
		last[epoch] = uint64(len(run.queued)) + 1
	}
	r := &tr.sink.received
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.faults {
		t.Error(f)
	}
	if r.late > len(r.times)/2 {
		t.Errorf("%d messages of %d readings have no value", r.late, len(r.times))
	}
	for reading := range r.times {
		if reading.Seq == 0 || reading.Seq > last[reading.Epoch] {
			t.Errorf("invented: %v", reading)
		}
	}
	for _, e := range r.events {
		switch {
		case e.Type != "start" || e.PrevEpoch == 0:
		case e.PrevEpoch >= e.Epoch, e.PrevLast > last[e.PrevEpoch], e.Clean == nil, *e.Clean:
			t.Errorf("untrue: %+v", e)
		}
	}
}

// summary is a line about a trial for a person.
func (tr *trial) summary() string {
	var queued, lost, most, twice, told, mistold int
	var oldest time.Duration
	for i, l := range tr.losses() {
		queued += len(tr.runs[i].queued)
		lost += l.readings
		most = max(most, l.readings)
		oldest = max(oldest, l.oldest)
	}
	r := &tr.sink.received
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.times {
		twice += n - 1
	}
	for gap := range r.gaps() {
		told++
		if r.times[gap] > 0 {
			mistold++
		}
	}
	return fmt.Sprintf("%d cuts, %d readings: %d lost (at most %d in a cut, the oldest queued %v before), %d received again, %d told to be lost, %d of them received",
		len(tr.runs), queued, lost, most, oldest.Round(time.Millisecond), twice, told, mistold)
}

// gaps returns the readings that gap events have told to be lost; r.mu is held.
// Those of a gap that says how many, but not which, are left out.
func (r *received) gaps() map[id]bool {
	told := map[id]bool{}
	for _, e := range r.events {
		if e.Type != "gap" || e.Count != e.To-e.From+1 {
			continue
		}
		for seq := e.From; seq <= e.To; seq++ {
			told[id{e.Epoch, seq}] = true
		}
	}
	return told
}

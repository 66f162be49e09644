package recording

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sensor-agent/internal/durable"
)

const (
	// settle is how long after an edge a recording is made. A transaction that
	// hangs ends after two seconds and is known then; and the other sensors
	// that the same trouble makes fail need no recording of their own.
	settle = 3 * time.Second

	// pause is the least time between two recordings for the sake of one
	// sensor, and maxKept how many there are: both for the SD card.
	pause   = 10 * time.Minute
	maxKept = 8

	suffix = ".rec"
)

// An edge is a sensor that begins to fail.
type edge struct {
	sensor, reason string
	at             time.Time
}

// Keep has the latest transactions on the bus of a watched sensor written to a
// file, because the sensor begins to fail or gives what cannot be. It returns at
// once, and may be called by any goroutine, as often as there is a reason.
func (r *Recorder) Keep(sensor, reason string) {
	if r.dir == "" {
		return
	}
	select {
	case r.edges <- edge{sensor, reason, time.Now()}:
	default: // so many at once have one cause, and will be in one file
	}
}

// An incident is what a recording will be made of.
type incident struct {
	bus    string
	sensor string // the first
	notes  []string
	due    time.Time
}

// Run writes the recordings that [Recorder.Keep] asks for, until ctx ends.
func (r *Recorder) Run(ctx context.Context) error {
	var waiting []incident // the first is due first
	last := make(map[string]time.Time)
	timer := time.NewTimer(settle)
	defer timer.Stop()
	for ending := false; !ending; {
		select {
		case e := <-r.edges:
			if at, ok := last[e.sensor]; ok && e.at.Sub(at) < pause {
				continue
			}
			if bus := r.busOf(e.sensor); bus != "" {
				last[e.sensor] = e.at
				waiting = join(waiting, bus, e)
			}
		case <-timer.C:
		case <-ctx.Done():
			ending = true // what waits is written now
		}
		for len(waiting) > 0 && (ending || time.Until(waiting[0].due) <= 0) {
			r.write(waiting[0])
			waiting = waiting[1:]
		}
		if len(waiting) > 0 {
			timer.Reset(time.Until(waiting[0].due))
		}
	}
	return nil
}

// join adds an edge to the incident on its bus that waits, or to a new one.
func join(waiting []incident, bus string, e edge) []incident {
	note := e.sensor + ": " + e.reason
	for i := range waiting {
		if waiting[i].bus == bus {
			waiting[i].notes = append(waiting[i].notes, note)
			return waiting
		}
	}
	return append(waiting, incident{bus, e.sensor, []string{note}, e.at.Add(settle)})
}

// write makes the recording of an incident.
func (r *Recorder) write(in incident) {
	now := time.Now().UTC()
	path := filepath.Join(r.dir, in.sensor+"-"+now.Format("20060102T150405Z")+suffix)
	list, found := r.kept(in.bus)
	content := appendHead(nil, path, Head{r.version, now, in.notes, found})
	for _, t := range list {
		content = appendLine(content, t)
	}
	err := durable.Write(path, content)
	if err == nil {
		r.log.Info("what went over the bus is kept", "sensor", in.sensor, "bus", in.bus, "path", path)
		err = prune(r.dir, filepath.Base(path))
	}
	if err != nil {
		r.log.Warn("what went over the bus cannot be kept", "sensor", in.sensor, "bus", in.bus, "err", err)
	}
}

// prune removes all but the latest recordings. The newest is named, as after a
// boot without a clock the others can seem to be younger.
func prune(dir, newest string) error {
	all, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var others []fs.FileInfo
	for _, file := range all {
		if info, err := file.Info(); err == nil && info.Mode().IsRegular() && filepath.Ext(file.Name()) == suffix && file.Name() != newest {
			others = append(others, info)
		}
	}
	slices.SortFunc(others, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for len(others) >= maxKept {
		if err := os.Remove(filepath.Join(dir, others[0].Name())); err != nil {
			return fmt.Errorf("making room: %w", err)
		}
		others = others[1:]
	}
	return nil
}

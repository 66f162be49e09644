package recording

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"

	"sensor-agent/sensors"
)

// A Recorder is a flight recorder: it holds the latest transactions with every
// chip in memory, and keeps those of a bus in a file when a sensor on it fails.
// It always runs, as it costs a transaction nothing to speak of and allocates
// nothing for it.
type Recorder struct {
	dir, version string
	log          *slog.Logger
	edges        chan edge

	mu      sync.Mutex
	chips   map[place]*history
	watched []*watched // in the order of Watch
}

// A watched sensor is one that the recorder knows by name.
type watched struct {
	name, keys string
	at         place // of its chip; zero until it was opened
}

// NewRecorder makes a recorder. Recordings are kept in the folder dir, which is
// made when it is needed; if it is "", none are. version is the agent's; log is
// told of each recording.
func NewRecorder(dir, version string, log *slog.Logger) *Recorder {
	const room = 64 // more sensors than a bus has
	return &Recorder{
		dir: dir, version: version, log: log,
		edges: make(chan edge, room),
		chips: make(map[place]*history),
	}
}

// Record takes down a transaction: it is for [NewTap].
func (r *Recorder) Record(t Transaction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history(t.place()).add(t)
}

// history returns that of a chip. The caller has the lock.
func (r *Recorder) history(at place) *history {
	h := r.chips[at]
	if h == nil {
		h = newHistory()
		r.chips[at] = h
	}
	return h
}

// Watch returns a plan by which the recorder knows when the sensor is opened
// and when it is read, so that a recording can begin where a driver can follow.
// keys are the sensor's, as [Sensor] has them. The bus that the plan's Open is
// handed has to come from a [Tap], else the sensor is not watched.
func (r *Recorder) Watch(name, keys string, plan sensors.Plan) sensors.Plan {
	w := &watched{name: name, keys: keys}
	r.mu.Lock()
	r.watched = append(r.watched, w)
	r.mu.Unlock()
	open := plan.Open
	plan.Open = func(ctx context.Context, wire sensors.Wire) (sensors.Sensor, error) {
		at, ok := placeOf(wire)
		if !ok {
			return open(ctx, wire)
		}
		h := r.begin(w, at)
		s, err := open(ctx, wire)
		if err != nil {
			return nil, err
		}
		return watchedSensor{s, r, h}, nil
	}
	return plan
}

// placeOf tells where on a tapped bus a sensor is.
func placeOf(wire sensors.Wire) (place, bool) {
	if b, ok := wire.I2C.(tappedI2C); ok {
		return place{b.name, wire.Address}, true
	}
	if p, ok := wire.SPI.(tappedSPI); ok {
		return place{bus: p.name}, true
	}
	return place{}, false
}

// begin notes that a sensor is about to be opened at a place.
func (r *Recorder) begin(w *watched, at place) *history {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.at = at
	h := r.history(at)
	h.next = opens
	return h
}

// A watchedSensor tells the recorder when it is read.
type watchedSensor struct {
	sensors.Sensor
	recorder *Recorder
	history  *history
}

func (s watchedSensor) Read(ctx context.Context) (sensors.Reading, error) {
	s.recorder.mu.Lock()
	s.history.next = reads
	s.recorder.mu.Unlock()
	return s.Sensor.Read(ctx)
}

// kept returns what there is of a bus, in order, beginning at 0 s, and the
// watched sensors on it.
func (r *Recorder) kept(bus string) (list []Transaction, found []Sensor) {
	for _, at := range r.on(bus) {
		r.mu.Lock() // for one chip at a time, as transactions wait meanwhile
		list = append(list, r.chips[at].kept(at)...)
		r.mu.Unlock()
	}
	slices.SortStableFunc(list, func(a, b Transaction) int { return cmp.Compare(a.At, b.At) })
	for i := len(list) - 1; i >= 0; i-- {
		list[i].At -= list[0].At
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.watched {
		if w.at.bus == bus {
			found = append(found, Sensor{Bus: bus, Keys: w.keys})
		}
	}
	return list, found
}

// on returns the chips on a bus.
func (r *Recorder) on(bus string) []place {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []place
	for at := range r.chips {
		if at.bus == bus {
			found = append(found, at)
		}
	}
	slices.SortFunc(found, func(a, b place) int { return cmp.Compare(a.address, b.address) })
	return found
}

// busOf returns the bus of a watched sensor, "" if it was never opened.
func (r *Recorder) busOf(sensor string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.watched {
		if w.name == sensor {
			return w.at.bus
		}
	}
	return ""
}

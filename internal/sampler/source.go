package sampler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"sensor-agent/sensors"
)

const (
	// reopenAfter failed readings in a row a sensor is closed and opened
	// anew: a chip that lost its power has lost its settings too.
	reopenAfter = 3
	// openPause is the least time between two attempts to open a sensor.
	openPause = time.Second
	// warnPause is the least time between two warnings of a failing sensor
	// whose reason changes.
	warnPause = time.Minute
	// margin is what a reading may take beyond Plan.Takes before its stream
	// goes on without it: a busy bus, a busy machine.
	margin = 500 * time.Millisecond
)

// errOverdue stands for a reading that did not come back in time. The stream
// does not wait for it again until it has.
var errOverdue = errors.New("no answer from the sensor in time")

// ask is one stream's standing question to a source. From being sent on the
// source's channel until done receives it belongs to the source.
type ask struct {
	tick    time.Time // the grid instant asked for
	reading sensors.Reading
	err     error
	done    chan struct{} // capacity 1
}

// source reads one sensor for all streams that hold it, one reading at a time.
// It opens the sensor when it can and again after failures.
type source struct {
	Sensor
	log     *slog.Logger
	changed func()
	asks    chan *ask // capacity: one per stream, so that a stream never blocks sending

	sensor  sensors.Sensor // nil while not open; owned by run
	opened  time.Time      // last attempt
	failed  int            // readings in a row since then
	began   time.Time      // of the last reading
	last    sensors.Reading
	lastErr error

	mu     sync.Mutex
	health Health
	lack   string    // the reason in health.Lacks
	warned time.Time // when a failure was last logged
}

// run answers asks until the channel is closed.
func (s *source) run(ctx context.Context) {
	for a := range s.asks {
		// A reading serves every tick up to its beginning: streams that tick
		// together share it, and those that waited for it meanwhile.
		if a.tick.After(s.began) || s.began.IsZero() {
			s.began = time.Now()
			s.last, s.lastErr = s.read(ctx)
			err := s.lastErr
			if err == nil && time.Since(s.began) > s.patience() {
				err = errOverdue // the streams have gone on without it
			}
			s.note(err)
		}
		a.reading = append(a.reading[:0], s.last...)
		a.err = s.lastErr
		a.done <- struct{}{}
	}
	s.shut()
}

// read opens the sensor if needed and takes one reading.
func (s *source) read(ctx context.Context) (sensors.Reading, error) {
	if s.sensor == nil {
		if !s.opened.IsZero() && time.Since(s.opened) < openPause {
			return nil, s.lastErr
		}
		s.opened = time.Now()
		if err := s.open(ctx); err != nil {
			return nil, err
		}
	}
	reading, err := s.sensor.Read(ctx)
	if err == nil && len(reading) != len(s.Plan.Outputs) {
		err = fmt.Errorf("driver gave %d measurements of %d", len(reading), len(s.Plan.Outputs))
	}
	if err == nil {
		s.failed = 0
		return reading, nil
	}
	if s.failed++; s.failed >= reopenAfter {
		s.failed = 0
		s.shut()
	}
	return nil, err
}

// patience is how long a reading may take.
func (s *source) patience() time.Duration { return s.Plan.Takes + margin }

func (s *source) open(ctx context.Context) error {
	wire, err := s.Wire()
	if err != nil {
		return err
	}
	s.sensor, err = s.Plan.Open(ctx, wire)
	return err
}

func (s *source) shut() {
	if s.sensor == nil {
		return
	}
	if err := s.sensor.Close(); err != nil {
		s.log.Debug("closing sensor", "err", err)
	}
	s.sensor = nil
}

// note keeps the health and logs its edges: once when the sensor begins to
// fail, once when it is back.
func (s *source) note(err error) {
	if errors.Is(err, context.Canceled) {
		return // the agent is stopping
	}
	s.mu.Lock()
	before := s.health
	if err != nil {
		s.health, s.lack = Health{Failures: before.Failures + 1, Err: err.Error()}, ""
	} else if i, reason := s.lacking(); !before.Seen || s.lack != reason {
		s.health, s.lack = Health{Seen: true}, reason
		if reason != "" {
			s.health.Lacks = s.Plan.Outputs[i].Key + ": " + reason
		}
	}
	after := s.health
	warn := before.Err == "" || (before.Err != after.Err && time.Since(s.warned) > warnPause)
	if err != nil && warn {
		s.warned = time.Now()
	}
	s.mu.Unlock()

	switch {
	case err != nil && warn:
		s.log.Warn("sensor failing", "err", err)
	case err == nil && before.Failures > 0:
		s.log.Info("sensor recovered", "failures", before.Failures)
	case err == nil && !before.Seen:
		s.log.Info("sensor ready")
	}
	if before.String() != after.String() {
		s.changed()
	}
}

// overdue is called by a stream that stopped waiting. The reason that a late
// reading gave, if any, says more.
func (s *source) overdue() {
	if s.Health().Err == "" {
		s.note(errOverdue)
	}
}

// Health returns how the sensor is doing.
func (s *source) Health() Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health
}

// lacking names the first output without a value and says why, or is "". In
// the steady state it allocates nothing.
func (s *source) lacking() (output int, reason string) {
	for i, m := range s.last {
		if !m.Valid() {
			return i, cmp.Or(m.Reason, "not measured")
		}
	}
	return 0, ""
}

// Health is how a sensor has been doing lately.
type Health struct {
	Seen     bool   // it has given a reading, and has not failed since
	Failures int    // readings failed in a row
	Err      string // why; "" when well
	Lacks    string // an output without a value though the sensor answers, and why
}

// String is the health in one word or sentence: "ok", "starting", what is
// wrong, or what has no value.
func (h Health) String() string {
	switch {
	case h.Err != "":
		return h.Err
	case h.Lacks != "":
		return "no value for " + h.Lacks
	case h.Seen:
		return "ok"
	default:
		return "starting"
	}
}

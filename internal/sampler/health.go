package sampler

import (
	"cmp"
	"fmt"
	"time"

	"sensor-agent/sensors"
)

// Health is how a sensor is doing.
type Health struct {
	Seen     bool   // it has given a reading, and has not failed since
	Failures int    // readings in a row that failed or were suspect
	Err      string // why the last one failed; "" when it did not
	Doubt    string // "temp: suspect: …": an output of the last reading that has no value or no good one, and why
	Suspect  bool   // a value of the last reading is

	Steps Steps
}

// Steps counts what was done for a sensor's sake since the start of the agent,
// each time a reading failed or was suspect.
type Steps struct {
	Retries uint64 // read once more
	Resets  uint64 // opened anew, which resets the chip and reads its calibration again
	Reopens uint64 // its bus was opened anew
}

// Bad reports whether the sensor fails or gives what cannot be.
func (h Health) Bad() bool { return h.Err != "" || h.Suspect }

// String is the health in one word or sentence: "ok", "starting", what is
// wrong, or which value is missing or not good.
func (h Health) String() string {
	switch {
	case h.Err != "":
		return h.Err
	case h.Doubt != "":
		return h.Doubt
	case h.Seen:
		return "ok"
	default:
		return starting
	}
}

const starting = "starting" // the health before the first reading

// worst returns the output whose measurement is the worst: suspect before
// warming up before none at all; -1 if all are good. A missing value comes last
// as it deceives nobody. A stale one is no trouble of a chip that is asked more
// often than it measures.
func worst(r sensors.Reading) int {
	found := -1
	for i, m := range r {
		doubtful := m.Quality == sensors.WarmingUp || m.Quality == sensors.Suspect
		if !m.Valid() && found < 0 || doubtful && (found < 0 || m.Quality > r[found].Quality) {
			found = i
		}
	}
	return found
}

func suspect(r sensors.Reading) bool {
	i := worst(r)
	return i >= 0 && r[i].Quality == sensors.Suspect
}

// doubt says what is wrong with a measurement.
func doubt(key string, m sensors.Measurement) string {
	if !m.Valid() {
		return fmt.Sprintf("no value for %s: %s", key, cmp.Or(m.Reason, "not measured"))
	}
	return fmt.Sprintf("%s: %s: %s", key, m.Quality, m.Reason)
}

// note keeps the health and logs its edges: once when the sensor begins to
// fail or to give what cannot be, once when it is back, and of one that comes
// and goes now and then. In the steady state it allocates nothing.
func (s *source) note(r sensors.Reading, err error) {
	s.mu.Lock()
	before := s.health
	h := &s.health
	output, reason := -1, ""
	switch {
	case err != nil:
		h.Seen, h.Err, h.Doubt, h.Suspect = false, err.Error(), "", false
	default:
		if output = worst(r); output >= 0 {
			reason = cmp.Or(r[output].Reason, "-")
		}
		if h.Err != "" || !h.Seen || output != s.doubted || reason != s.reason {
			h.Seen, h.Err, h.Doubt, h.Suspect = true, "", "", suspect(r)
			if output >= 0 {
				h.Doubt = doubt(s.Plan.Outputs[output].Key, r[output])
			}
		}
	}
	s.doubted, s.reason = output, reason
	if h.Bad() {
		h.Failures++
	} else {
		h.Failures = 0
	}
	after := s.health
	changed := before.Bad() != after.Bad() || before.String() != after.String()
	warn, recovered := s.edge(after, changed)
	s.mu.Unlock()

	switch {
	case warn && after.Err != "":
		s.log.Warn("sensor failing", "err", err)
	case warn:
		s.log.Warn("sensor suspect", "err", after.Doubt)
	case recovered:
		s.log.Info("sensor recovered", "failures", before.Failures)
	case before.String() == starting && !after.Bad():
		s.log.Info("sensor ready")
	}
	if changed {
		s.changed(after)
	}
}

// edge decides what the log is told of a health: that the sensor fails, that it
// has recovered, or nothing. s.mu is held.
func (s *source) edge(h Health, changed bool) (failing, recovered bool) {
	now := time.Now()
	switch {
	case s.told && !h.Bad():
		s.told = false
		return false, true
	case s.told:
		failing = changed && now.Sub(s.warned) > warnPause
	case h.Bad() && s.flaps.Sub(now) <= (flapsAtOnce-1)*flapPause:
		if s.flaps.Before(now) {
			s.flaps = now
		}
		s.flaps = s.flaps.Add(flapPause)
		s.told, failing = true, true
	}
	if failing {
		s.warned = now
	}
	return failing, false
}

// overdue is called by a stream that stopped waiting. The reason that a late
// reading gave, if any, says more.
func (s *source) overdue() {
	if s.Health().Err == "" {
		s.note(nil, errOverdue)
	}
}

// Health returns how the sensor is doing.
func (s *source) Health() Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health
}

package bosch

import (
	"time"

	"sensor-agent/sensors"
)

// maxWarmUp is for a new chip, which the makers of boards advise to run for two
// days before its values are used.
const maxWarmUp = 48 * time.Hour

// A warmUp is the time in which the gas plate settles: after power-up its
// resistance climbs, at first by several parts in a hundred from reading to
// reading. How long, the datasheet does not say; the maker's library for air
// quality takes 5 minutes with a measurement every 3 s before it gives a first
// value (BSEC integration guide, IAQ accuracy).
//
// It outlasts the opened chip, for a chip that is opened anew without having
// lost its power is warm. The zero time in since is one that has lost it.
type warmUp struct {
	takes time.Duration
	since time.Time // when gas was first measured
}

// judge marks a gas resistance measured too early.
func (w *warmUp) judge(m sensors.Measurement) sensors.Measurement {
	if !m.Valid() {
		return m
	}
	if w.since.IsZero() {
		w.since = time.Now()
	}
	if time.Since(w.since) < w.takes {
		return m.Doubtful(sensors.WarmingUp, "the gas plate settles in the minutes after power-up")
	}
	return m
}

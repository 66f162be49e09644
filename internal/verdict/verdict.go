// Package verdict judges the values of a sensor by the limits of its outputs:
// what the chip cannot have measured becomes suspect, with the reason, and is
// left to the sampler to be read again.
//
// It sees values one by one as they come from the driver, before anything is
// computed from them, and knows neither chips nor schedules. What a driver can
// see of its chip, a reset or a failed checksum, is not judged here.
//
// # The rules
//
//	range  a value outside Min..Max is suspect
//	step   a value further from the last good one than Step, and than Step for
//	       each second since, is suspect
//	flat   the very same value for the Flat-th time in a row is suspect, and
//	       each one after it until the value changes
//
// A step may be true: a sensor is carried from the fridge to the oven. So a new
// level is believed, once it has stood: [stands] values in a row, each within
// Step of the one before; the sensor opened anew since the first of them, by
// which its chip was reset and its calibration read again; and as much time
// gone by as Step allows for such a change. That the old level returns needs no
// proof.
//
// The first value of all has nothing to be held against, and a wrong level that
// stands through all this is believed.
package verdict

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"sensor-agent/sensors"
)

// stands is how many values in a row make a new level.
const stands = 3

// Watch returns p with every reading judged by the limits of p.Outputs. What
// is known of earlier values outlasts the sensor: who opens the plan again goes
// on with it. Only one sensor of it may be open at a time.
func Watch(p sensors.Plan) sensors.Plan {
	w := &watch{reading: make(sensors.Reading, len(p.Outputs))}
	for _, o := range p.Outputs {
		w.judges = append(w.judges, newJudge(o))
	}
	open := p.Open
	p.Open = func(ctx context.Context, wire sensors.Wire) (sensors.Sensor, error) {
		s, err := open(ctx, wire)
		if err != nil {
			return nil, err
		}
		w.opened++
		return &sensor{s, w}, nil
	}
	return p
}

// A watch is what outlasts the sensors opened of one plan.
type watch struct {
	judges  []*judge // one for each output
	opened  int      // sensors so far
	reading sensors.Reading
}

type sensor struct {
	sensors.Sensor
	*watch
}

// Read implements [sensors.Sensor].
func (s *sensor) Read(ctx context.Context) (sensors.Reading, error) {
	r, err := s.Sensor.Read(ctx)
	if err != nil || len(r) != len(s.judges) {
		return r, err
	}
	now := time.Now()
	for i, m := range r {
		s.reading[i] = s.judges[i].judge(m, now, s.opened)
	}
	return s.reading, nil
}

// A judge judges the values of one output.
type judge struct {
	limits sensors.Limits
	// The reasons, in words that stay the same from value to value: a trouble
	// that lasts is one trouble, and is told once.
	outside, jumped, flat string

	reason string  // of the last verdict, "" for a good value
	last   float64 // value, NaN before the first
	same   int     // how often in a row

	good float64   // last value believed, NaN before the first
	at   time.Time // when
	// A level other than good, while stood > 0.
	level  float64
	stood  int // values in a row
	opened int // sensors opened when the first of them came
}

func newJudge(o sensors.Output) *judge {
	l := o.Limits
	unit := o.Quantity.Unit
	return &judge{
		limits:  l,
		outside: fmt.Sprintf("outside the range of %v to %s", l.Min, amount(l.Max, unit)),
		jumped:  fmt.Sprintf("a step of more than %s in a second, which has not stood long enough to be believed", amount(l.Step, unit)),
		flat:    fmt.Sprintf("the very same value %d times in a row or more: it does not measure any more", l.Flat),
		last:    math.NaN(),
		good:    math.NaN(),
	}
}

// amount writes a number with its unit, if it has one.
func amount(v float64, unit string) string { return strings.TrimSpace(fmt.Sprint(v, " ", unit)) }

// judge returns m with its verdict. opened counts the sensors opened so far.
func (j *judge) judge(m sensors.Measurement, now time.Time, opened int) sensors.Measurement {
	switch {
	case !m.Valid() || m.Quality == sensors.Suspect:
		return m
	case m.Quality != sensors.Stale: // what is stale was judged when it was new
		j.reason = j.examine(m.Value, now, opened)
	}
	if j.reason != "" {
		m = m.Doubtful(sensors.Suspect, j.reason)
	}
	return m
}

// examine returns why v cannot be, "" if it can.
func (j *judge) examine(v float64, now time.Time, opened int) string {
	if v != j.last {
		j.last, j.same = v, 0
	}
	j.same++
	l := j.limits
	switch {
	case (l.Min != 0 || l.Max != 0) && (v < l.Min || v > l.Max):
		j.mistrust(v, opened)
		return j.outside
	case l.Step > 0 && !j.follows(v, now, opened):
		return j.jumped
	case l.Flat > 1 && j.same >= l.Flat:
		return j.flat
	}
	j.good, j.at, j.stood = v, now, 0
	return ""
}

// follows reports whether v can come after the last good value.
func (j *judge) follows(v float64, now time.Time, opened int) bool {
	if math.IsNaN(j.good) {
		return true
	}
	change := math.Abs(v - j.good)
	possible := change <= j.limits.Step*now.Sub(j.at).Seconds()
	if possible && j.stood == 0 || change <= j.limits.Step {
		return true
	}
	j.mistrust(v, opened)
	return possible && j.stood >= stands && opened > j.opened
}

// mistrust notes a value that is not believed, yet.
func (j *judge) mistrust(v float64, opened int) {
	if j.stood == 0 || math.Abs(v-j.level) > j.limits.Step {
		j.stood, j.opened = 0, opened
	}
	j.level = v
	j.stood++
}

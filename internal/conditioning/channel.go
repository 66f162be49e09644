package conditioning

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"sensor-agent/sensors"
)

// An Adjustment is what is done with the values of one output, in the order of
// the fields. The zero Adjustment does nothing.
type Adjustment struct {
	Scale     *float64      `yaml:"scale"`     // factor, not 0; nil: 1
	Offset    float64       `yaml:"offset"`    // added to the scaled value, in the output's unit
	Calibrate [][]float64   `yaml:"calibrate"` // points [measured, true], where measured is what comes of scale and offset
	Median    int           `yaml:"median"`    // of so many good values in a row, odd, 3 to 31; 0: off
	EMA       time.Duration `yaml:"ema"`       // time constant of an exponential moving average, up to 24h; 0: off
}

const maxTau = 24 * time.Hour

// A channel conditions the values of one output, apart from all others.
type channel struct {
	scale, offset float64
	curve         curve
	median        *median  // nil: off
	average       *average // nil: off
}

// newChannel makes the channel of an adjustment, which the configuration has at path.
func newChannel(a Adjustment, path string) (*channel, error) {
	c := &channel{scale: 1, offset: a.Offset}
	if a.Scale != nil {
		c.scale = *a.Scale
	}
	var err error
	switch {
	case c.scale == 0:
		return nil, sensors.BadOption(path+".scale", "a scale of 0 makes every value the same: write another, or leave it out")
	case a.Median != 0 && (a.Median < minMedian || a.Median > maxMedian || a.Median%2 == 0):
		return nil, sensors.BadOption(path+".median", "there is no median of %d values here: write an odd number from %d to %d, or leave it out", a.Median, minMedian, maxMedian)
	case a.EMA < 0 || a.EMA > maxTau:
		return nil, sensors.BadOption(path+".ema", "%v is not a time to average over: write one up to 24h, such as 30s, or leave it out", a.EMA)
	}
	if c.curve, err = newCurve(a.Calibrate, path+".calibrate"); err != nil {
		return nil, err
	}
	if a.Median > 0 {
		c.median = newMedian(a.Median)
	}
	if a.EMA > 0 {
		c.average = &average{tau: a.EMA}
	}
	return c, nil
}

// condition returns m corrected and, if it is good, smoothed.
func (c *channel) condition(m sensors.Measurement, now time.Time) sensors.Measurement {
	if m.Valid() {
		if m.Value = c.curve.at(c.scale*m.Value + c.offset); !m.Valid() {
			m = sensors.NoValue("too large a number after scale, offset and calibrate")
		}
	}
	if m.Valid() && m.Quality == sensors.Good {
		m.Value = c.average.add(c.median.add(m.Value, now), now)
	}
	return m
}

// A curve leads from measured values to true ones along straight lines from
// point to point, and on along the outermost lines. One point shifts all
// values; without any the curve changes nothing.
type curve []point // by measured, which differ

type point struct{ measured, actual float64 }

// newCurve makes a curve of pairs in any order, which the configuration has at
// path.
func newCurve(pairs [][]float64, path string) (curve, error) {
	c := make(curve, len(pairs))
	for i, p := range pairs {
		if len(p) != 2 {
			return nil, sensors.BadOption(fmt.Sprintf("%s[%d]", path, i), "a point is two numbers: write [measured, true]")
		}
		c[i] = point{p[0], p[1]}
		if j := slices.IndexFunc(c[:i], func(other point) bool { return other.measured == p[0] }); j >= 0 {
			return nil, sensors.BadOption(fmt.Sprintf("%s[%d]", path, i), "what was measured as %v cannot have been both %v and %v: remove a point", p[0], c[j].actual, p[1])
		}
	}
	slices.SortFunc(c, func(a, b point) int { return cmp.Compare(a.measured, b.measured) })
	return c, nil
}

// at returns the true value for a measured one.
func (c curve) at(v float64) float64 {
	switch len(c) {
	case 0:
		return v
	case 1:
		return v - c[0].measured + c[0].actual
	}
	i := 1
	for i < len(c)-1 && v > c[i].measured {
		i++
	}
	from, to := c[i-1], c[i]
	return from.actual + (v-from.measured)/(to.measured-from.measured)*(to.actual-from.actual)
}

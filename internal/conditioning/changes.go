package conditioning

import (
	"math"
	"time"

	"sensor-agent/sensors"
)

// Changes lets those ticks of a stream pass that say something new: a value
// that differs enough from the one that passed last, one that has come, gone or
// changed its quality; and after a while any, so that silence never means that
// nothing is new for longer than that. Make one with [NewChanges].
type Changes struct {
	fields [][]changing // as those of the stream
	every  time.Duration
	passed time.Time // the tick that passed last
	tick   time.Time // the last one
}

// A ChangingField is one place in a message.
type ChangingField struct {
	Decimals int     // digits after the point when published
	Delta    float64 // least difference that is news; 0: any of what is published; +Inf: none
}

type changing struct {
	delta float64
	unit  float64 // 10 to the number of decimals
	last  sensors.Measurement
}

// NewChanges returns the changes of a stream with these fields, per sensor of
// the stream and per output of the sensor. every is the longest time without a
// message, to the nearest tick.
func NewChanges(fields [][]ChangingField, every time.Duration) *Changes {
	c := &Changes{every: every}
	for _, list := range fields {
		var own []changing
		for _, f := range list {
			own = append(own, changing{
				// A little less, as 21.4 - 21.3 is in binary.
				delta: f.Delta * (1 - 1e-9),
				unit:  math.Pow10(f.Decimals),
			})
		}
		c.fields = append(c.fields, own)
	}
	return c
}

// Pass reports whether a tick says something new, and if so remembers it.
// readings has one reading per sensor, nil for one that could not be read; they
// are not kept. A nil Changes lets every tick pass. It allocates nothing.
func (c *Changes) Pass(at time.Time, readings []sensors.Reading) bool {
	if c == nil {
		return true
	}
	between := at.Sub(c.tick)
	c.tick = at
	// Of two ticks the one nearer to the time that is due.
	due := c.passed.IsZero() || at.Sub(c.passed)+between/2 >= c.every
	if !due && !c.news(readings) {
		return false
	}
	c.passed = at
	for i, own := range c.fields {
		for j := range own {
			own[j].last = own[j].published(readings[i], j)
		}
	}
	return true
}

func (c *Changes) news(readings []sensors.Reading) bool {
	for i, own := range c.fields {
		for j := range own {
			if own[j].changed(own[j].published(readings[i], j)) {
				return true
			}
		}
	}
	return false
}

// published returns what a message says of measurement j of a reading.
func (f *changing) published(r sensors.Reading, j int) sensors.Measurement {
	if r == nil {
		return sensors.NoValue("")
	}
	m := r[j]
	if rounded := math.Round(m.Value*f.unit) / f.unit; !math.IsInf(rounded, 0) {
		m.Value = rounded
	}
	return m
}

func (f *changing) changed(m sensors.Measurement) bool {
	if !m.Valid() || !f.last.Valid() {
		return m.Valid() != f.last.Valid()
	}
	change := math.Abs(m.Value - f.last.Value)
	// What is stale was told when it was new.
	return change > 0 && change >= f.delta || m.Quality != f.last.Quality && m.Quality != sensors.Stale
}

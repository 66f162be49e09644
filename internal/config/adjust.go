package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sensor-agent/internal/conditioning"
	"sensor-agent/internal/verdict"
	"sensor-agent/sensors"
)

// An Adjustment is what is done with the values of one output of a sensor, and
// within which limits they are believed.
type Adjustment struct {
	conditioning.Adjustment
	Limits Limits `yaml:"limits"`
}

// Limits change the driver's. What is nil stays as it is, 0 switches it off;
// the range is off when both its ends are 0.
type Limits struct {
	Min  *float64 `yaml:"min"`  // least value the chip can measure, below Max
	Max  *float64 `yaml:"max"`  // greatest
	Step *float64 `yaml:"step"` // largest change in a second, >= 0
	Flat *int     `yaml:"flat"` // so many times the same value cannot be, 0 or >= 2
}

// condition completes the plan of a sensor by all that the configuration wants
// done with what its driver measures: it is judged first, by the limits in
// force, and conditioned then. It reports whether it found nothing wrong.
func (d *decoder) condition(path string, s *Sensor) bool {
	before := d.fails
	plan := s.Plan
	plan.Outputs = slices.Clone(plan.Outputs)
	settings := conditioning.Settings{Adjust: make(map[string]conditioning.Adjustment), Heat: s.Heat, Derive: s.Derive}
	for _, key := range slices.Sorted(maps.Keys(s.Adjust)) {
		a := s.Adjust[key]
		settings.Adjust[key] = a.Adjustment
		if i := d.output(path+".adjust", key, plan.Outputs, s.Keys); i >= 0 {
			d.limits(join(path+".adjust", key)+".limits", a.Limits, &plan.Outputs[i].Limits)
		}
	}
	plan, err := conditioning.Apply(verdict.Watch(plan), settings)
	if err != nil {
		d.optionErrors(path, err)
	}
	s.Plan = plan
	return d.fails == before
}

// limits changes the limits of an output.
func (d *decoder) limits(path string, change Limits, l *sensors.Limits) {
	none := l.Min == 0 && l.Max == 0
	for _, c := range []struct{ from, to *float64 }{{change.Min, &l.Min}, {change.Max, &l.Max}, {change.Step, &l.Step}} {
		if c.from != nil {
			*c.to = *c.from
		}
	}
	if change.Flat != nil {
		l.Flat = *change.Flat
	}
	oneEnd := (change.Min == nil) != (change.Max == nil)
	switch {
	case none && oneEnd:
		d.fail(path, "this is one end of a range, and the driver has none", "write min and max")
	case l.Min == 0 && l.Max == 0: // no range
		if oneEnd {
			d.fail(path, "this leaves a range from 0 to 0, which stands for none", "write min and max, or 0 for both")
		}
	case l.Min >= l.Max:
		d.fail(path, fmt.Sprintf("the range would be from %v to %v", l.Min, l.Max), "write min below max")
	}
	if l.Step < 0 {
		d.fail(path+".step", fmt.Sprintf("%v is not a change", l.Step), "write by how much the value can change in a second, or 0 for no limit")
	}
	if l.Flat < 0 || l.Flat == 1 {
		d.fail(path+".flat", fmt.Sprintf("%d in a row cannot be too many", l.Flat), "write 2 or more, or 0 for no limit")
	}
}

// describe says what is done with values, "" for nothing.
func (a Adjustment) describe() string {
	var words []string
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if a.Scale != nil {
		add("times %v", *a.Scale)
	}
	if a.Offset != 0 {
		add("%+g", a.Offset)
	}
	switch n := len(a.Calibrate); {
	case n == 1:
		add("calibrated at 1 point")
	case n > 1:
		add("calibrated at %d points", n)
	}
	if a.Median > 0 {
		add("median of %d", a.Median)
	}
	if a.EMA > 0 {
		add("averaged over %s", formatDuration(a.EMA))
	}
	return strings.Join(words, ", ")
}

// describeLimits says which values are not believed, "" if all are.
func describeLimits(l sensors.Limits) string {
	var words []string
	if l.Min != 0 || l.Max != 0 {
		words = append(words, fmt.Sprintf("outside %v to %v", l.Min, l.Max))
	}
	if l.Step != 0 {
		words = append(words, fmt.Sprintf("after a step of more than %v in a second", l.Step))
	}
	if l.Flat != 0 {
		words = append(words, fmt.Sprintf("the same %d times in a row", l.Flat))
	}
	if len(words) == 0 {
		return ""
	}
	return "suspect if " + strings.Join(words, ", or ")
}

// describeHeat says how a sensor's own warmth is taken out.
func describeHeat(h *conditioning.Heat) string {
	if h.Rise > 0 {
		return fmt.Sprintf("%v °C are taken out", h.Rise)
	}
	zone := either(h.Zone, conditioning.DefaultZone)
	return fmt.Sprintf("taken out by the temperature of %s with the factor %v", zone, h.Factor)
}

package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
)

// What every driver of a chip on I2C must do, whatever the chip. What happens
// at single transactions is in faults_test.go.

// A rule is one thing that a driver must do.
type rule struct{ driver, does string }

// exceptions are the rules that a driver does not keep, and why.
var exceptions = map[rule]string{
	{"aht20", "ends with its context"}:           "the driver of periph, which it wraps, knows no context; it takes 230 ms at most",
	{"aht20", "allocates nothing"}:               "periph's does not keep its buffer",
	{"bh1750", "finds no chip in all zeroes"}:    "it has no identity: whatever acknowledges is taken for one",
	{"bh1750", "finds no chip in all ones"}:      "it has no identity: whatever acknowledges is taken for one",
	{"bh1750", "reads no value from all zeroes"}: "in the dark it reads the same",
	{"sht4x", "can be read right after that"}:    "the chip takes no command while it measures",
	{"scd4x", "can be read right after that"}:    "the chip takes no command while it carries out another",
	{"ina219", "finds no chip in all zeroes"}:    "each bit that tells one is 0; a reading tells",
}

// must demands that the driver keeps a rule, or breaks it where that is an
// exception: one that is no longer needed goes.
func (l *life) must(t *testing.T, does string, kept bool, found ...any) {
	t.Helper()
	why, excepted := exceptions[rule{l.driver, does}]
	switch {
	case !kept && !excepted:
		t.Errorf("not so: %s. Found %v", does, found)
	case kept && excepted:
		t.Errorf("%s, and is an exception to that: %s", does, why)
	}
}

// conform runs a test of each driver in a bubble, at the start of its life.
func conform(t *testing.T, test func(t *testing.T, l *life, plan sensors.Plan)) {
	for _, s := range subjects {
		t.Run(s.driver, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(t, newLife(s, false, false), planned(t, s.driver))
			})
		})
	}
}

// opened returns a life's sensor, with something to read.
func (l *life) opened(t *testing.T, plan sensors.Plan) sensors.Sensor {
	t.Helper()
	s, err := plan.Open(t.Context(), wire(l, l.driver))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(pause)
	return s
}

// well reads a sensor that nothing befalls, and returns how long it took.
func well(t *testing.T, s sensors.Sensor) (sensors.Reading, time.Duration) {
	t.Helper()
	start := time.Now()
	r, err := s.Read(t.Context())
	if err != nil || slices.ContainsFunc(r, func(m sensors.Measurement) bool { return !m.Valid() }) {
		t.Fatalf("read %v, %v", r, err)
	}
	return slices.Clone(r), time.Since(start)
}

// standard has transactions take the time they do at 100 kHz, the least speed
// of a bus: nine bits for each byte and address, and what is between them.
func (l *life) standard() {
	l.before = func(w, r []byte) error {
		time.Sleep(time.Duration(len(w)+len(r)+2) * 100 * time.Microsecond)
		return nil
	}
}

// A level is what is left of a bus whose data line is held: each byte reads the
// same.
type level byte

func (v level) Tx(_, r []byte) error {
	for i := range r {
		r[i] = byte(v)
	}
	return nil
}

// missing are what may be at the address in place of a chip.
var missing = map[string]chips.Chip{"an empty address": nil, "all zeroes": level(0x00), "all ones": level(0xFF)}

func TestFindsNoChip(t *testing.T) {
	conform(t, func(t *testing.T, l *life, plan sensors.Plan) {
		for what, chip := range missing {
			l.plug(chip)
			s, err := plan.Open(t.Context(), wire(l, l.driver))
			l.must(t, "finds no chip in "+what, s == nil && errors.Is(err, sensors.ErrNotFound), s, err)
		}
	})
}

// A chip that has gone is read without a value, however often, and in no more
// time than one that is there.
func TestReadsNoValueOfNoChip(t *testing.T) {
	conform(t, func(t *testing.T, l *life, plan sensors.Plan) {
		l.standard()
		for what, chip := range missing {
			l.plug(l.chips[0])
			s := l.opened(t, plan)
			well(t, s)
			l.plug(chip)
			good := func(m sensors.Measurement) bool { return m.Valid() && m.Quality == sensors.Good }
			for range 3 {
				start := time.Now()
				r, err := s.Read(t.Context())
				took := time.Since(start)
				l.must(t, "reads no value from "+what, err != nil || !slices.ContainsFunc(r, good), r)
				l.must(t, "is done in time with "+what, took <= plan.Takes, took, plan.Takes)
				time.Sleep(pause)
			}
		}
	})
}

// Whether what is measured changes or not, a reading takes no longer than
// planned.
func TestReadTakesNoLongerThanPlanned(t *testing.T) {
	conform(t, func(t *testing.T, l *life, plan sensors.Plan) {
		l.standard()
		s := l.opened(t, plan)
		for round := range rounds {
			l.change(round/2%2 == 1)
			_, took := well(t, s)
			l.must(t, "is done in time", took <= plan.Takes, took, plan.Takes)
			time.Sleep(pause)
		}
	})
}

// A Read whose context has ended does not measure to the end.
func TestReadEndsAtOnce(t *testing.T) {
	conform(t, func(t *testing.T, l *life, plan sensors.Plan) {
		s := l.opened(t, plan)
		before := l.n
		well(t, s)
		whole := l.n - before
		time.Sleep(pause)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		before = l.n
		r, err := s.Read(ctx)
		took, carried := time.Since(start), l.n-before
		l.must(t, "ends at once", errors.Is(err, context.Canceled) && took == 0 && carried < whole, r, err, took, carried)
	})
}

// A Read whose context ends meanwhile ends with it, and the next is right though
// the chip is still measuring for this one.
func TestReadEndsWithItsContext(t *testing.T) {
	conform(t, func(t *testing.T, l *life, plan sensors.Plan) {
		truth := measured(t, l.subject)
		s := l.opened(t, plan)
		before, takes := well(t, s)
		if takes == 0 {
			return // it waits for nothing
		}
		time.Sleep(pause)
		ctx, cancel := context.WithTimeout(t.Context(), takes/3)
		defer cancel()
		start := time.Now()
		r, err := s.Read(ctx)
		took := time.Since(start)
		l.must(t, "ends with its context", errors.Is(err, context.DeadlineExceeded) && took == takes/3, r, err, took)

		l.change(true)
		after, err := s.Read(t.Context())
		l.must(t, "can be read right after that", err == nil, err)
		if err != nil {
			time.Sleep(pause)
			after, _ = well(t, s)
		}
		l.check(t, fmt.Sprintf("interrupted after %v", took), []sensors.Reading{before, after}, truth)
	})
}

// Steady reading allocates nothing: sensors.Sleep needs no timer.
func TestReadAllocatesNothing(t *testing.T) {
	conform(t, func(t *testing.T, l *life, plan sensors.Plan) {
		s, err := plan.Open(t.Context(), wire(&l.Bus, l.driver)) // a line keeps what it carried
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		allocations := testing.AllocsPerRun(100, func() {
			time.Sleep(pause)
			for range 2 { // a new measurement, and what comes right after it
				if _, err := s.Read(ctx); err != nil {
					t.Error(err)
				}
			}
		})
		l.must(t, "allocates nothing", allocations == 0, allocations)
	})
}

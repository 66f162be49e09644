package catalog

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/internal/chips"
	"sensor-agent/sensors"
	"sensor-agent/sensors/crc8"
)

// A line is a bus with one chip, on which something happens at one of its
// transactions.
type line struct {
	chips.Bus
	before, after func(w, r []byte) error // unless nil: at each transaction
	n             int                     // transactions so far
	sizes         [][2]int                // of each: bytes written and read
	there         bool                    // the chip is all along
}

func (l *line) Tx(addr uint16, w, r []byte) error {
	defer func() { l.n++ }()
	l.sizes = append(l.sizes, [2]int{len(w), len(r)})
	w = slices.Clone(w) // what is flipped on the wire stays as it is with the driver
	if l.before != nil {
		if err := l.before(w, r); err != nil {
			return err
		}
	}
	err := l.Bus.Tx(addr, w, r)
	if err == nil && l.after != nil {
		err = l.after(w, r)
	}
	return err
}

// A fault falls into one of the first rounds of a life; in the last, all is
// well again.
const faulty, rounds = 3, 10

// pause is between two rounds: any chip has measured anew by then.
const pause = 6 * time.Second

// A life is one sensor's, with a fault to come.
type life struct {
	subject
	line
	chips [2]specimen // the one plugged in first, and another
	off   float64     // share of a value that it may be off
}

func newLife(s subject, first, other bool) *life {
	l := &life{subject: s, chips: [2]specimen{s.chip(first), s.chip(other)}}
	l.change(false)
	l.plug(l.chips[0])
	return l
}

func (l *life) change(later bool) {
	for _, c := range l.chips {
		c.change(later)
	}
}

// live reads the sensor in rounds, each with something else to measure, and
// after an error as the sampler does: at once again, and opened anew. It
// returns what was read, nil for nothing.
func (l *life) live(t *testing.T, rounds int) []sensors.Reading {
	t.Helper()
	plan := planned(t, l.driver)
	var sensor sensors.Sensor
	read := func() (sensors.Reading, error) {
		if sensor == nil {
			opened, err := plan.Open(t.Context(), wire(l, l.driver))
			if l.there && errors.Is(err, sensors.ErrNotFound) && !errors.Is(err, crc8.ErrChecksum) {
				t.Errorf("takes its chip for none: %v", err)
			}
			if err != nil {
				return nil, err
			}
			sensor = opened
		}
		return sensor.Read(t.Context())
	}
	var readings []sensors.Reading
	for round := range rounds {
		l.change(round%2 == 1)
		r, err := read()
		if err != nil {
			r, err = read()
		}
		if err != nil {
			if sensor != nil {
				_ = sensor.Close()
				sensor = nil
			}
			r, _ = read()
		}
		readings = append(readings, slices.Clone(r))
		time.Sleep(pause)
	}
	return readings
}

func (l *life) plug(c chips.Chip) { l.Plug(wire(nil, l.driver).Address, c) }

// lives puts each subject through a life for each transaction and variation of
// a fault. befall prepares it, and returns false when there are no more
// variations for this transaction, which writes and reads so many bytes.
func lives(t *testing.T, befall func(l *life, n, variation int, size [2]int) bool) {
	for _, s := range subjects {
		t.Run(s.driver, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				truth := measured(t, s)
				quiet := newLife(s, false, false)
				quiet.live(t, faulty)
				checked := 0
				for n, size := range quiet.sizes {
					for variation := 0; ; variation++ {
						l := newLife(s, false, true)
						if !befall(l, n, variation, size) {
							break
						}
						l.check(t, fmt.Sprintf("transaction %d, variation %d", n, variation), l.live(t, rounds), truth)
						checked++
					}
				}
				if checked == 0 {
					t.Error("nothing befell it")
				}
			})
		})
	}
}

// truths are what each of the two chips measures, in even rounds and in odd.
type truths [2][2]sensors.Reading

// measured returns what a subject's chips measure when nothing befalls them.
func measured(t *testing.T, s subject) (truth truths) {
	t.Helper()
	for i, other := range []bool{false, true} {
		rs := newLife(s, other, other).live(t, rounds)
		truth[0][i], truth[1][i] = rs[rounds-2], rs[rounds-1]
	}
	return truth
}

// check demands that each value is what one of the chips measures in that very
// round, or says that it may not be, and that all is well in the end.
func (l *life) check(t *testing.T, what string, readings []sensors.Reading, truth truths) {
	t.Helper()
	for round, r := range readings {
		now := truth[round%2]
		for i, m := range r {
			right := func(want sensors.Reading) bool { return math.Abs(m.Value-want[i].Value) <= l.off*want[i].Value }
			if m.Valid() && m.Quality != sensors.Suspect && m.Quality != sensors.Stale && !right(now[0]) && !right(now[1]) {
				t.Errorf("%s: round %d reads %v; the chips measure %v", what, round, r, now)
			}
		}
	}
	last := readings[len(readings)-1]
	if last == nil || slices.ContainsFunc(last, func(m sensors.Measurement) bool { return !m.Valid() || m.Quality == sensors.Suspect }) {
		t.Errorf("%s: not well again: %v", what, readings)
	}
}

// at returns a hook that does something at the n-th transaction.
func (l *line) at(n int, do func(w, r []byte) error) func(w, r []byte) error {
	return func(w, r []byte) error {
		if l.n == n {
			return do(w, r)
		}
		return nil
	}
}

// A supply that fails for a moment, between any two transactions: right after
// one, and right before the next.
func TestBrownOut(t *testing.T) {
	lives(t, func(l *life, n, variation int, _ [2]int) bool {
		brownOut := l.at(n, func(_, _ []byte) error { l.chips[0].brownOut(); return nil })
		switch variation {
		case 0:
			l.before = brownOut
		case 1:
			l.after = brownOut
		}
		return variation < 2
	})
}

// A chip taken out and another put in, between any two transactions.
func TestExchange(t *testing.T) {
	lives(t, func(l *life, n, variation int, _ [2]int) bool {
		exchange := l.at(n, func(_, _ []byte) error { l.plug(l.chips[1]); return nil })
		switch variation {
		case 0:
			l.before = exchange
		case 1:
			l.after = exchange
		}
		return variation < 2
	})
}

// A chip that is gone for a number of transactions, and comes back as after
// power-up.
func TestUnplugged(t *testing.T) {
	gone := errors.New("no acknowledge")
	lives(t, func(l *life, n, variation int, _ [2]int) bool {
		lengths := []int{1, 2, 5, 12}
		if variation >= len(lengths) {
			return false
		}
		l.before = func(_, _ []byte) error {
			switch l.n - n {
			case 0:
				l.chips[0].brownOut()
			case lengths[variation]:
				l.before = nil
				return nil
			}
			if l.n >= n {
				return gone
			}
			return nil
		}
		return true
	})
}

// Any single bit flipped in anything that is read.
func TestBitFlippedInARead(t *testing.T) {
	lives(t, func(l *life, n, bit int, size [2]int) bool {
		l.there = true
		l.after = l.at(n, func(_, r []byte) error { r[bit/8] ^= 1 << (bit % 8); return nil })
		return bit < 8*size[1]
	})
}

// Noise in everything that is read for a number of transactions: no two of them
// are disturbed in the same way.
func TestNoise(t *testing.T) {
	lives(t, func(l *life, n, variation int, _ [2]int) bool {
		lengths := []int{2, 5, 12}
		if variation >= len(lengths) {
			return false
		}
		l.after = func(_, r []byte) error {
			if k := l.n - n; k >= 0 && k < lengths[variation] {
				for i := range r {
					r[i] ^= byte(k + 1)
				}
			}
			return nil
		}
		return true
	})
}

// offByABit is what a bit flipped in a write may do to a value that passes for
// good: a BH1750 measures a little longer or shorter, which it does not tell.
var offByABit = map[string]float64{"bh1750": 0.2}

// Any single bit flipped in anything that is written: an address of a register,
// a setting, a command.
func TestBitFlippedInAWrite(t *testing.T) {
	lives(t, func(l *life, n, bit int, size [2]int) bool {
		l.off = offByABit[l.driver]
		l.before = l.at(n, func(w, _ []byte) error { w[bit/8] ^= 1 << (bit % 8); return nil })
		return bit < 8*size[0]
	})
}

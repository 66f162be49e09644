//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"sensor-agent/publisher"
)

// A ledger holds what the chips were set to and what the agent published, and
// the one against the other.
type ledger struct {
	mu       sync.Mutex
	truths   map[string][]truth // by stream, oldest first
	near     map[string]float64 // by stream: how far a value may be off; else not at all
	messages map[string][]message
	seqs     []uint64
	wrong    []string // values published as good that were none
}

// A truth is what a stream's sensor measured for a time.
type truth struct {
	from, to time.Time // to is zero for the present one
	values   values
}

// values are what is to be published, as text, by JSON key.
type values map[string]string

// A message of a stream.
type message struct {
	at, arrived time.Time // at: of sampling, by the agent
	complete    bool      // every value is there, right, and not called doubtful
	body        string
}

func newLedger() *ledger {
	return &ledger{truths: map[string][]truth{}, near: map[string]float64{}, messages: map[string][]message{}}
}

// change lets set give a stream's chip new values. While it does, a reading may
// have either.
func (l *ledger) change(stream string, v values, set func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	began := time.Now()
	set()
	all := l.truths[stream]
	if n := len(all); n > 0 {
		all[n-1].to = time.Now()
	}
	const enough = 100 // more than pass while a message is under way
	if len(all) > enough {
		all = slices.Delete(all, 0, len(all)-enough)
	}
	l.truths[stream] = append(all, truth{from: began, values: v})
}

// receive takes a message from the broker.
func (l *ledger) receive(r publisher.Received) {
	stream, ok := strings.CutPrefix(r.Topic, "pi/")
	if !ok {
		return
	}
	var head struct {
		Timestamp time.Time
		Seq       uint64
		Quality   map[string]string
	}
	var all map[string]json.RawMessage
	if json.Unmarshal(r.Payload, &head) != nil || json.Unmarshal(r.Payload, &all) != nil {
		l.blame("%s: not a message: %s", stream, r.Payload)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	m := message{at: head.Timestamp, arrived: time.Now(), complete: true, body: string(r.Payload)}
	for key := range l.truths[stream][0].values {
		switch got, quality := string(all[key]), head.Quality[key]; {
		case got == "":
			l.wrong = append(l.wrong, fmt.Sprintf("%s: %s is missing in %s", stream, key, r.Payload))
		case got == "null" || quality == "suspect" || quality == "stale":
			m.complete = false
		case !l.true(stream, key, got, m):
			m.complete = false
			l.wrong = append(l.wrong, fmt.Sprintf("%s: %s was never so: %s", stream, key, r.Payload))
		}
	}
	l.messages[stream] = append(l.messages[stream], m)
	l.seqs = append(l.seqs, head.Seq)
}

// true reports whether a chip was set to a value at some time between sampling
// and arrival. Timestamps are cut to milliseconds.
func (l *ledger) true(stream, key, value string, m message) bool {
	return slices.ContainsFunc(l.truths[stream], func(t truth) bool {
		same := t.values[key] == value || near(t.values[key], value, l.near[stream])
		return same && t.from.Before(m.arrived) && (t.to.IsZero() || t.to.After(m.at.Add(-time.Millisecond)))
	})
}

func near(a, b string, by float64) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return errX == nil && errY == nil && math.Abs(x-y) < by
}

func (l *ledger) blame(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// takeWrong returns an error about the wrong values since it was last called.
func (l *ledger) takeWrong() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	wrong := l.wrong
	l.wrong = nil
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%d wrong values published as good: %s", len(wrong), strings.Join(wrong[:min(len(wrong), 3)], " | "))
}

// next returns the first complete message sampled at or after an instant.
func (l *ledger) next(stream string, from time.Time) (message, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.messages[stream]
	first, _ := slices.BinarySearchFunc(all, from, func(m message, t time.Time) int { return m.at.Compare(t) })
	i := slices.IndexFunc(all[first:], func(m message) bool { return m.complete })
	if i < 0 {
		return message{}, false
	}
	return all[first+i], true
}

// checkGrid tells of ticks of a stream between two instants that were missed,
// late by a whole interval, or not complete.
func (l *ledger) checkGrid(s stream, from, to time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.messages[s.name]
	if len(all) == 0 {
		return fmt.Errorf("stream %s: no message", s.name)
	}
	const early = 4 // a part of the interval: the first message may itself have been late
	tick := func(t time.Time) int64 { return int64((t.Sub(all[0].at) + s.interval/early) / s.interval) }
	last := tick(from) - 1
	for _, m := range all {
		n := tick(m.at)
		switch {
		case m.at.Before(from), m.at.After(to):
		case n != last+1:
			return fmt.Errorf("stream %s: %d ticks missed before %s", s.name, n-last-1, m.body)
		case !m.complete:
			return fmt.Errorf("stream %s: not complete: %s", s.name, m.body)
		}
		if !m.at.After(to) {
			last = n
		}
	}
	if missed := tick(to) - 1 - last; missed > 0 {
		return fmt.Errorf("stream %s: no message of the last %d ticks", s.name, missed)
	}
	return nil
}

// checkSeqs tells of messages that never arrived.
func (l *ledger) checkSeqs() (received int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seqs := slices.Clone(l.seqs)
	slices.Sort(seqs)
	for i, seq := range seqs {
		if seq != uint64(i)+1 {
			return len(seqs), fmt.Errorf("message %d of %d has seq %d", i+1, len(seqs), seq)
		}
	}
	return len(seqs), nil
}

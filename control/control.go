// Package control decides what a command does: which streams get which
// interval, for how long, and what is answered. It is a function of what
// arrived and when; it sends nothing, starts nothing and reads no clock.
package control

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxLease is the longest time an interval can be borrowed for.
const MaxLease = 7 * 24 * time.Hour

// Stream is a stream as configured.
type Stream struct {
	Name    string
	Default time.Duration // the configured interval
}

// Limits bound the interval a command may ask for, both included.
type Limits struct{ Min, Max time.Duration }

// Control holds the interval in force of each stream. Make one with [New]. Its
// methods are called by one goroutine.
type Control struct {
	device   string
	limits   Limits
	streams  []tuned
	retained string   // hash of the last retained command
	seen     []string // hashes of the last commands, newest last
}

// tuned is a stream and what commands have made of it.
type tuned struct {
	Stream
	interval time.Duration // in force when no lease is
	leased   time.Duration // in force until the lease ends; 0 without a lease
	until    time.Time
}

func (t *tuned) inForce() time.Duration {
	if t.leased > 0 {
		return t.leased
	}
	return t.interval
}

// New starts with what memory holds of an earlier run; the zero Memory holds
// nothing.
func New(device string, streams []Stream, limits Limits, memory Memory) *Control {
	c := &Control{device: device, limits: limits, retained: memory.Retained, seen: slices.Clone(memory.Seen)}
	for _, s := range streams {
		t := tuned{Stream: s, interval: s.Default}
		// An interval given for another default is out of date: whoever edited
		// the configuration since then wanted the new one. One that the limits
		// no longer allow is, too.
		if m, ok := memory.Streams[s.Name]; ok && m.Default.Duration == s.Default && c.allowed(m.Interval.Duration) == nil {
			t.interval = m.Interval.Duration
		}
		c.streams = append(c.streams, t)
	}
	return c
}

func (c *Control) allowed(d time.Duration) error {
	switch {
	case d < c.limits.Min:
		return fmt.Errorf("interval %v is below the minimum %v", d, c.limits.Min)
	case d > c.limits.Max:
		return fmt.Errorf("interval %v is above the maximum %v", d, c.limits.Max)
	}
	return nil
}

// A Decision is what a command, or the end of a lease, brings about.
type Decision struct {
	Changes  []Change // new intervals in force
	Ack      *Ack     // the answer; nil if none is due
	Remember bool     // Memory has changed
}

// A Change gives a stream, by its index, a new interval.
type Change struct {
	Stream   int
	Interval time.Duration
}

// Command decides on a payload that arrived on the control topic. Any bytes
// will do; what is not a command changes nothing and is answered with the
// reason.
func (c *Control) Command(payload []byte, retained bool, now time.Time) Decision {
	if len(payload) == 0 {
		return Decision{} // somebody cleared a retained command
	}
	cmd, err := parse(payload)
	if cmd.device != "" && cmd.device != c.device {
		return Decision{}
	}
	if again := c.see(payload, retained); again && retained {
		// The broker hands a retained command out at each connect. It was
		// meant once, and later commands must not be undone by it.
		return Decision{}
	}
	var targets []int
	if err == nil {
		targets, err = c.check(cmd, retained)
	}
	if err != nil {
		return Decision{Ack: c.answer(cmd, c.named(cmd.stream), err, now), Remember: retained}
	}
	var changes []Change
	for _, i := range targets {
		t := &c.streams[i]
		before := t.inForce()
		t.apply(cmd, now)
		if t.inForce() != before {
			changes = append(changes, Change{i, t.inForce()})
		}
	}
	return Decision{Changes: changes, Ack: c.answer(cmd, targets, nil, now), Remember: true}
}

// seenKept is how many commands are remembered to have been seen.
const seenKept = 64

// see notes a command and reports whether it has been seen lately. A command
// that is sent with the retain flag comes without it to those connected then,
// so those are noted as well.
func (c *Control) see(payload []byte, retained bool) (again bool) {
	h := fnv.New64a()
	_, _ = h.Write(payload)
	sum := strconv.FormatUint(h.Sum64(), 16)
	if retained && sum == c.retained {
		return true
	}
	if retained { // kept apart, so that no number of others displaces it
		c.retained = sum
	}
	i := slices.Index(c.seen, sum)
	if i >= 0 {
		c.seen = slices.Delete(c.seen, i, i+1)
	}
	c.seen = append(c.seen, sum)
	c.seen = c.seen[max(0, len(c.seen)-seenKept):]
	return i >= 0
}

// check returns the streams a command is for, or why it is refused.
func (c *Control) check(cmd command, retained bool) ([]int, error) {
	targets := c.named(cmd.stream)
	if len(targets) == 0 {
		return nil, fmt.Errorf("no stream %s here: streams are %s", excerpt(cmd.stream), strings.Join(c.names(), ", "))
	}
	if cmd.lease > 0 && retained {
		return nil, fmt.Errorf("a lease in a retained command would begin anew at each connect: send it without retain")
	}
	if cmd.lease > MaxLease {
		return nil, fmt.Errorf("lease of %v is above the maximum %v", cmd.lease, MaxLease)
	}
	if !cmd.toDefault {
		if err := c.allowed(cmd.interval); err != nil {
			return nil, err
		}
	}
	return targets, nil
}

func (t *tuned) apply(cmd command, now time.Time) {
	interval := cmd.interval
	if cmd.toDefault {
		interval = t.Default
	}
	if cmd.lease > 0 {
		t.leased, t.until = interval, now.Add(cmd.lease)
		return
	}
	t.interval, t.leased, t.until = interval, 0, time.Time{}
}

// named returns the indices of the streams a command with this stream name is
// for.
func (c *Control) named(name string) []int {
	var found []int
	for i, t := range c.streams {
		if name == "" || t.Name == name {
			found = append(found, i)
		}
	}
	return found
}

func (c *Control) names() []string {
	var names []string
	for _, t := range c.streams {
		names = append(names, t.Name)
	}
	return names
}

// Expire ends the leases that are over at now.
func (c *Control) Expire(now time.Time) []Change {
	var changes []Change
	for i := range c.streams {
		t := &c.streams[i]
		if t.leased == 0 || now.Before(t.until) {
			continue
		}
		if t.leased != t.interval {
			changes = append(changes, Change{i, t.interval})
		}
		t.leased, t.until = 0, time.Time{}
	}
	return changes
}

// Expiry returns when the next lease ends; ok is false if none runs.
func (c *Control) Expiry() (next time.Time, ok bool) {
	for _, t := range c.streams {
		if t.leased > 0 && (!ok || t.until.Before(next)) {
			next, ok = t.until, true
		}
	}
	return next, ok
}

// Interval returns the interval in force of stream i.
func (c *Control) Interval(i int) time.Duration { return c.streams[i].inForce() }

// Memory returns what should survive a restart: a lease does not.
func (c *Control) Memory() Memory {
	m := Memory{Retained: c.retained, Seen: slices.Clone(c.seen), Streams: map[string]Remembered{}}
	for _, t := range c.streams {
		if t.interval != t.Default {
			m.Streams[t.Name] = Remembered{Default: Duration{t.Default}, Interval: Duration{t.interval}}
		}
	}
	return m
}

// State returns what is in force at now, per stream name.
func (c *Control) State(now time.Time) map[string]StreamState {
	state := make(map[string]StreamState, len(c.streams))
	for _, t := range c.streams {
		s := StreamState{Interval: seconds(t.inForce()), Default: seconds(t.Default)}
		if t.leased > 0 {
			s.Until = stamp(t.until, now)
		}
		state[t.Name] = s
	}
	return state
}

// answer makes the ack for a command addressed to targets, from what is in
// force after it.
func (c *Control) answer(cmd command, targets []int, err error, now time.Time) *Ack {
	a := &Ack{ID: cmd.id, Result: Applied, Stream: cmd.stream}
	if err != nil {
		a.Result, a.Reason = Rejected, err.Error()
	}
	if len(targets) == 1 {
		t := c.streams[targets[0]]
		a.Stream, a.Interval = t.Name, seconds(t.inForce())
		if t.leased > 0 {
			a.Until = stamp(t.until, now)
		}
		return a
	}
	a.Intervals = map[string]float64{}
	for _, i := range targets {
		t := c.streams[i]
		a.Intervals[t.Name] = seconds(t.inForce())
		if cmd.lease > 0 && err == nil {
			a.Until = stamp(t.until, now)
		}
	}
	if values := slices.Compact(slices.Sorted(maps.Values(a.Intervals))); len(values) == 1 {
		a.Interval = values[0]
	}
	return a
}

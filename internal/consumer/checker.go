// Package consumer is the rule by which whoever receives messages tells what
// is new, what came twice, and what is missing.
//
// A reading is identified by (device, epoch, seq) for ever. Of each device and
// epoch a consumer keeps which numbers it has: one it has already is a
// duplicate and is dropped, whatever its other fields say. The numbers of an
// epoch begin at 1 and have no holes, over all of the device's JSON streams;
// a hole fills while the device catches up after an outage, unless a gap event
// says that it never will. A start event tells the last number of the epoch
// before. Within each lane, live or replay, new numbers only grow.
//
// The rule is applied here for people (sensor-agent sub --check) and for
// tests; docs/mqtt.md states it for those who write consumers of their own.
package consumer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// maxEpochs bounds what is remembered of a device.
const maxEpochs = 1000

// Checker applies the rule to the messages of any number of devices. The zero
// value is ready.
type Checker struct {
	devices map[string]*device
	counts  Counts
}

// Counts sums up what a checker has seen.
type Counts struct {
	Readings   int // different ones
	Duplicates int
	Reordered  int // came before one of a lower number, within their lane
	Missing    uint64
	GivenUp    uint64 // of the missing, what gap events have told
}

type device struct {
	epochs map[uint64]*epoch
	newest uint64
}

type epoch struct {
	have, lost spans
	first      uint64 // lowest number to be expected
	last       uint64 // highest told by a start event, or seen
	lane       map[bool]uint64
	open       bool // a hole has been reported and not been filled
}

// message is what the rule needs of a message or an event.
type message struct {
	Device string `json:"device"`
	Epoch  uint64 `json:"epoch"`
	Seq    uint64 `json:"seq"`
	Replay bool   `json:"replay"`

	Type      string `json:"type"`
	PrevEpoch uint64 `json:"prev_epoch"`
	PrevLast  uint64 `json:"prev_last"`
	Clean     bool   `json:"clean"`
	From      uint64 `json:"from"`
	To        uint64 `json:"to"`
	Count     uint64 `json:"count"`
	Reason    string `json:"reason"`
}

// Receive takes the payload of a message or an event and returns what is to be
// said about it, a line each. Payloads that are neither it ignores.
func (c *Checker) Receive(payload []byte) []string {
	var m message
	if json.Unmarshal(payload, &m) != nil || m.Device == "" || m.Epoch == 0 {
		return nil
	}
	if c.devices == nil {
		c.devices = map[string]*device{}
	}
	d := c.devices[m.Device]
	if d == nil {
		d = &device{epochs: map[uint64]*epoch{}}
		c.devices[m.Device] = d
	}
	switch {
	case m.Type == "start":
		return c.start(d, m)
	case m.Type == "gap":
		return c.gap(d, m)
	case m.Type == "" && m.Seq > 0:
		return c.reading(d, m)
	}
	return nil
}

// epoch returns what is known of an epoch. Of the first one seen the beginning
// is unknown; a later one is seen from its beginning.
func (d *device) epoch(n, seq uint64) *epoch {
	e := d.epochs[n]
	if e == nil {
		e = &epoch{first: seq, lane: map[bool]uint64{}}
		// Whoever has heard the epoch before live hears this one from its
		// beginning.
		if n > d.newest && d.newest > 0 && d.epochs[d.newest].lane[false] > 0 {
			e.first = 1
		}
		d.epochs[n] = e
		d.newest = max(d.newest, n)
		if len(d.epochs) > maxEpochs {
			oldest := n
			for k := range d.epochs {
				oldest = min(oldest, k)
			}
			delete(d.epochs, oldest)
		}
	}
	return e
}

func (c *Checker) reading(d *device, m message) (lines []string) {
	say := func(format string, args ...any) {
		lines = append(lines, fmt.Sprintf("%s epoch %d: ", m.Device, m.Epoch)+fmt.Sprintf(format, args...))
	}
	e := d.epoch(m.Epoch, m.Seq)
	if e.have.has(m.Seq) {
		c.counts.Duplicates++
		say("%d came again", m.Seq)
		return lines
	}
	c.counts.Readings++
	e.have.add(m.Seq, m.Seq)
	e.first = min(e.first, m.Seq)
	if last := e.lane[m.Replay]; m.Seq < last {
		c.counts.Reordered++
		say("%d came after %d", m.Seq, last)
	} else {
		e.lane[m.Replay] = m.Seq
	}
	jumped := m.Seq > e.last+1 && m.Seq > e.first
	e.last = max(e.last, m.Seq)
	holes := e.missing()
	switch {
	case jumped && len(holes) > 0:
		e.open = true
		say("missing %s", holes.text())
	case e.open && len(holes) == 0:
		e.open = false
		say("complete again up to %d", e.last)
	}
	return lines
}

// missing returns the numbers that should be here and are not.
func (e *epoch) missing() spans { return e.have.holes(e.first, e.last) }

func (c *Checker) start(d *device, m message) []string {
	if m.PrevEpoch > 0 && m.PrevLast > 0 {
		if e := d.epochs[m.PrevEpoch]; e != nil { // else none of it was seen
			e.last = max(e.last, m.PrevLast)
		}
	}
	d.epoch(m.Epoch, 1)
	how := "ended cleanly"
	if !m.Clean {
		how = "was cut off"
	}
	if m.PrevEpoch == 0 {
		return []string{fmt.Sprintf("%s epoch %d: begins", m.Device, m.Epoch)}
	}
	return []string{fmt.Sprintf("%s epoch %d: begins; epoch %d %s at %d", m.Device, m.Epoch, m.PrevEpoch, how, m.PrevLast)}
}

func (c *Checker) gap(d *device, m message) []string {
	if m.From == 0 || m.To < m.From {
		return nil
	}
	e := d.epoch(m.Epoch, m.From)
	e.first = min(e.first, m.From)
	e.last = max(e.last, m.To)
	e.lost.add(m.From, m.To)
	return []string{fmt.Sprintf("%s epoch %d: given up %d of %d..%d: %s", m.Device, m.Epoch, m.Count, m.From, m.To, m.Reason)}
}

// Counts returns the sum so far.
func (c *Checker) Counts() Counts {
	sum := c.counts
	for _, d := range c.devices {
		for _, e := range d.epochs {
			for _, hole := range e.missing() {
				sum.Missing += hole.to - hole.from + 1
				sum.GivenUp += e.lost.count(hole.from, hole.to)
			}
		}
	}
	return sum
}

// Summary says what is missing, a line per device and epoch, and the sum.
func (c *Checker) Summary() string {
	var b strings.Builder
	for _, name := range sortedKeys(c.devices) {
		d := c.devices[name]
		for _, n := range sortedKeys(d.epochs) {
			if holes := d.epochs[n].missing(); len(holes) > 0 {
				fmt.Fprintf(&b, "%s epoch %d: missing %s\n", name, n, holes.text())
			}
		}
	}
	s := c.Counts()
	fmt.Fprintf(&b, "%d readings, %d missing (%d of them given up), %d duplicates, %d reordered\n",
		s.Readings, s.Missing, s.GivenUp, s.Duplicates, s.Reordered)
	return b.String()
}

func sortedKeys[K interface{ ~string | ~uint64 }, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

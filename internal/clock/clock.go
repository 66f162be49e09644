// Package clock knows what time it was. A Pi has no clock of its own: until
// the network has told it the time, the wall clock is wrong by minutes or
// years, while the boot clock runs true from the first moment. So a reading
// keeps a [Stamp] of both, and its wall time is computed when it is sent, with
// what is known by then.
//
// Schedules and deadlines have nothing to do with this: they run on the
// monotonic clock.
package clock

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

// Trust is whether the wall clock is believed.
type Trust string

// NotSet is what to say of a clock that is not relied on.
const NotSet = "the clock of this machine is not set: messages are marked until it is"

// The ways to trust the wall clock.
const (
	Auto   Trust = "auto"   // when the kernel says that it is synchronised
	Always Trust = "always" // a clock the kernel does not know of keeps it right
	Never  Trust = "never"
)

// A Stamp is a moment on both clocks, as found at that moment.
type Stamp struct {
	Boot   uint64        // which boot of which machine
	Mono   time.Duration // since that boot (CLOCK_BOOTTIME)
	Wall   int64         // ns since 1970 by the wall clock
	Synced bool          // the wall clock was known to be right
}

// source reads the clocks of a machine.
type source struct {
	boot   uint64
	mono   func() time.Duration
	synced func() bool
}

// Clock converts moments of this machine's boots to wall time. Its methods may
// be used by several goroutines.
type Clock struct {
	trust Trust
	src   source
	path  string // of the anchors; "" keeps none

	mu      sync.Mutex
	synced  bool
	offset  time.Duration // wall (since 1970) minus mono, this boot
	looked  time.Duration // mono, when that was last found
	anchors map[uint64]time.Duration
}

// New returns the machine's clock. In the file at path it keeps what it learns
// of this boot for the readings that are sent after the next one; without a
// path it forgets. The error, beside a usable clock, is that of the file.
func New(trust Trust, path string) (*Clock, error) { return newClock(trust, path, system()) }

func newClock(trust Trust, path string, src source) (*Clock, error) {
	c := &Clock{trust: trust, src: src, path: path}
	var err error
	c.anchors, err = loadAnchors(path)
	now := time.Now()
	c.offset = time.Duration(now.UnixNano()) - c.src.mono() + time.Since(now)
	if _, changed := c.look(now); changed {
		err = errors.Join(err, c.keep())
	}
	return c, err
}

// Stamp returns the moment t, which must be of [time.Now] in this process.
func (c *Clock) Stamp(t time.Time) Stamp {
	mono := c.src.mono() - time.Since(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stamp{Boot: c.src.boot, Mono: mono, Wall: t.UnixNano(), Synced: c.synced}
}

// Time returns the wall time of a moment, by what is known now, and whether it
// can be relied on.
func (c *Clock) Time(s Stamp) (t time.Time, reliable bool) {
	found := time.Unix(0, s.Wall)
	switch {
	case c.trust == Always:
		return found, true
	case c.trust == Never:
		return found, false
	case s.Synced:
		return found, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.Boot == c.src.boot {
		// Also when not synchronised: the latest setting is the best there is.
		return time.Unix(0, 0).Add(c.offset + s.Mono), c.synced
	}
	if offset, ok := c.anchors[s.Boot]; ok {
		return time.Unix(0, 0).Add(offset + s.Mono), true
	}
	return found, false
}

// A Change is something that happened to the wall clock.
type Change struct {
	Set   bool          // it became reliable; otherwise it was moved
	Shift time.Duration // by how much it jumped forward; before, it was that much behind
}

// step is the least jump that is noticed, beyond what a clock that is being
// slewed moves: by a tenth of the time at most (chrony, maxslewrate).
const (
	step = 50 * time.Millisecond
	slew = 10
)

// Check looks at the clocks. It is to be called every second or two until the
// clock is set and every ten seconds from then on; changed is false when
// nothing happened. An error is that of keeping what was learnt.
func (c *Clock) Check() (change Change, changed bool, err error) {
	change, changed = c.look(time.Now())
	if changed {
		err = c.keep()
	}
	return change, changed, err
}

// Synced reports whether the wall clock is relied on.
func (c *Clock) Synced() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trust == Always || c.trust == Auto && c.synced
}

func (c *Clock) look(now time.Time) (Change, bool) {
	offset := time.Duration(now.UnixNano()) - c.src.mono() + time.Since(now)
	// The kernel takes its word back when the network has been away for some
	// hours; the clock it set is still right.
	synced := c.trust == Auto && c.src.synced()
	c.mu.Lock()
	defer c.mu.Unlock()
	change := Change{Shift: offset - c.offset}
	elapsed := c.src.mono() - c.looked
	c.offset, c.looked = offset, c.looked+elapsed
	if synced && !c.synced {
		c.synced, change.Set = true, true
		return change, true
	}
	return change, change.Shift.Abs() > step+elapsed/slew
}

// keep remembers the offset of this boot once it is reliable.
func (c *Clock) keep() error {
	c.mu.Lock()
	if !c.synced || c.path == "" {
		c.mu.Unlock()
		return nil
	}
	c.anchors[c.src.boot] = c.offset
	anchors := maps.Clone(c.anchors)
	c.mu.Unlock()
	if err := saveAnchors(c.path, anchors, c.src.boot); err != nil {
		return fmt.Errorf("keeping the time of this boot: %w", err)
	}
	return nil
}

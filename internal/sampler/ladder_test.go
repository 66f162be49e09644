package sampler

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/sensors"
)

// chip is a sensor with troubles, each of which only one step of the ladder
// ends.
type chip struct {
	mu        sync.Mutex
	disturbed int  // readings that fail
	reset     bool // it has lost its settings
	confused  bool // its adapter has to be opened anew
	absent    bool
	lies      bool          // trouble shows as suspect values and not as errors
	takes     time.Duration // each attempt

	opens, reads int
}

func (c *chip) sensor(name, bus string) Sensor {
	return Sensor{
		Name: name,
		Bus:  bus,
		Plan: sensors.Plan{
			Outputs: sensors.OutputsOf(sensors.Temperature, sensors.Humidity),
			Takes:   20 * ms,
			Open: func(ctx context.Context, _ sensors.Wire) (sensors.Sensor, error) {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.opens++
				if c.absent {
					return nil, errors.Join(c.wait(ctx), sensors.ErrNotFound)
				}
				c.reset = false
				return c, nil
			},
		},
		Wire:   func() (sensors.Wire, error) { return sensors.Wire{}, nil },
		Reopen: func() { c.set(func() { c.confused = false }) },
	}
}

func (c *chip) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// wait is for as long as an attempt takes; c.mu is held but for that time.
func (c *chip) wait(ctx context.Context) error {
	takes := c.takes
	c.mu.Unlock()
	defer c.mu.Lock()
	return sensors.Sleep(ctx, takes)
}

func (c *chip) Read(ctx context.Context) (sensors.Reading, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	if err := c.wait(ctx); err != nil {
		return nil, err
	}
	r := sensors.Reading{sensors.Value(21.5), sensors.Value(45)}
	trouble := c.reset || c.confused || c.absent || c.disturbed > 0
	c.disturbed = max(0, c.disturbed-1)
	switch {
	case trouble && c.lies:
		r[1] = r[1].Doubtful(sensors.Suspect, "not what it can be")
		return r, nil
	case trouble:
		return nil, errors.New("bus error")
	}
	return r, nil
}

func (c *chip) Close() error { return nil }

// good counts the ticks with a value that is not suspect, and those without.
func (h *harness) good() (good, bad int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range h.ticks {
		if k.values[0] != nil && !k.suspect {
			good++
		} else {
			bad++
		}
	}
	h.ticks = nil
	return good, bad
}

// A trouble that a step of the ladder ends costs no reading and changes no
// health.
func TestLadderEndsATroubleWithinTheTick(t *testing.T) {
	for name, tt := range map[string]struct {
		befall func(*chip)
		want   Steps
	}{
		"a disturbed wire":           {func(c *chip) { c.disturbed = 1 }, Steps{Retries: 1}},
		"a chip that lost its power": {func(c *chip) { c.reset = true }, Steps{Retries: 1, Resets: 1}},
		"an adapter that is confused": {
			func(c *chip) { c.confused = true },
			Steps{Retries: 1, Resets: 1, Reopens: 1},
		},
	} {
		for _, lies := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := &chip{lies: lies}
					h := begin(t, []Sensor{c.sensor("air", "1")}, []Stream{{"main", time.Second, []int{0}}})
					pass(2500 * ms)
					c.set(func() { tt.befall(c) })
					pass(3 * time.Second)
					if good, bad := h.good(); good != 6 || bad != 0 {
						t.Errorf("%d good ticks and %d bad, want 6 and none", good, bad)
					}
					if got := h.Health(0); got.Steps != tt.want || got.String() != "ok" {
						t.Errorf("health %+v", got)
					}
					if h.edges != 1 {
						t.Errorf("health changed %d times", h.edges)
					}
				})
			})
		}
	}
}

// While a sensor is away each tick looks for it once, the rest of the ladder is
// climbed ever more rarely, and it is read at the first tick after its return.
func TestSensorIsBackWithinOneInterval(t *testing.T) {
	for _, lies := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := &chip{lies: lies}
			h := begin(t, []Sensor{c.sensor("air", "1")}, []Stream{{"main", time.Second, []int{0}}})
			pass(500 * ms)
			c.set(func() { c.confused, c.absent = true, true })
			pass(10 * time.Minute)
			health := h.Health(0)
			// Pauses of 1, 2, 4, 8, 16, 32, 60, 60 … s make 15 climbs.
			if n := health.Steps.Reopens; n < 12 || n > 16 {
				t.Errorf("lies %v: climbed %d times in ten minutes", lies, n)
			}
			if !health.Bad() || health.Failures != 600 {
				t.Errorf("lies %v: health %+v", lies, health)
			}
			h.good()
			c.set(func() { c.absent, c.confused = false, false })
			pass(time.Second)
			if good, bad := h.good(); good != 1 || bad != 0 {
				t.Errorf("lies %v: after its return %d good ticks, %d bad", lies, good, bad)
			}
			if n := h.Health(0).Failures; n != 0 {
				t.Errorf("lies %v: %d failures after its return", lies, n)
			}
			// A new trouble is met with the whole ladder again.
			c.set(func() { c.confused = true })
			pass(time.Second)
			if good, _ := h.good(); good != 1 {
				t.Errorf("lies %v: the next trouble is not ended", lies)
			}
			if h.edges > 5 {
				t.Errorf("lies %v: health changed %d times", lies, h.edges)
			}
		})
	}
}

// Between two climbs, too, a sensor that fails is opened anew for each attempt:
// its chip may have lost its power before it is back.
func TestFailingSensorIsOpenedAnewAtEachTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &chip{disturbed: 1 << 30}
		h := begin(t, []Sensor{c.sensor("air", "1")}, []Stream{{"main", time.Second, []int{0}}})
		pass(10*time.Minute + 500*ms)
		h.good()
		c.set(func() { c.disturbed, c.reset = 0, true })
		pass(time.Second)
		if good, _ := h.good(); good != 1 {
			t.Error("not back within one interval")
		}
	})
}

// A sensor whose attempts take long leaves the bus to the others, if they can
// use it; else nothing is gained by waiting.
func TestSlowFailuresLeaveTheBusToOthers(t *testing.T) {
	for _, tt := range []struct {
		name     string
		stuck    bool // the whole bus
		from, to int  // attempts in ten minutes
	}{
		{"others do well", false, 9, 15},
		{"nobody does", true, 180, 310},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := &chip{absent: true, takes: 2 * time.Second}
				other := &chip{absent: tt.stuck}
				begin(t, []Sensor{slow.sensor("slow", "1"), other.sensor("other", "1")},
					[]Stream{{"slow", time.Second, []int{0}}, {"other", time.Second, []int{1}}})
				pass(10 * time.Minute)
				if slow.opens < tt.from || slow.opens > tt.to {
					t.Errorf("%d attempts in ten minutes, want %d to %d", slow.opens, tt.from, tt.to)
				}
				if other.reads < 600 && !tt.stuck {
					t.Errorf("the other sensor was read %d times", other.reads)
				}
			})
		})
	}
}

// A sensor that hangs costs the others of a fast stream a tick or two when it
// begins, and none after that.
func TestHangingSensorDelaysNoTickOfAFastStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &chip{}
		h := begin(t, []Sensor{c.sensor("air", "1"), steady(2).sensor("light")}, []Stream{{"main", 100 * ms, []int{0, 1}}})
		pass(950 * ms)
		h.after(0)
		c.set(func() { c.absent, c.takes = true, 2*time.Second })
		pass(10 * time.Second)
		times := h.after(0)
		if n := h.Missed(0); n > 1 || len(times) < 99 {
			t.Errorf("%d ticks in 10 s, %d missed", len(times), n)
		}
		for _, at := range times {
			if at%(100*ms) != 0 {
				t.Errorf("tick at %v", at)
			}
		}
		c.set(func() { c.absent, c.takes = false, 0 })
		pass(2*time.Second + 300*ms) // the attempt that hangs ends, then all is well
		if got := h.Health(0).String(); got != "ok" {
			t.Errorf("health after its return: %s", got)
		}
	})
}

// The health names the worst of the values, and a change of it is told once.
func TestHealthNamesTheWorstValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now atomic.Pointer[sensors.Reading]
		air := Sensor{
			Plan: sensors.Plan{
				Outputs: sensors.OutputsOf(sensors.Temperature, sensors.Humidity, sensors.GasResistance),
				Open: func(context.Context, sensors.Wire) (sensors.Sensor, error) {
					return readingFunc(func() sensors.Reading { return slices.Clone(*now.Load()) }), nil
				},
			},
			Wire: func() (sensors.Wire, error) { return sensors.Wire{}, nil },
		}
		warming := sensors.Value(9000).Doubtful(sensors.WarmingUp, "heating for 2 minutes")
		h := (*harness)(nil)
		for i, step := range []struct {
			r    sensors.Reading
			want string
			bad  bool
		}{
			{sensors.Reading{sensors.Value(1), sensors.Value(2), warming}, "gas: warming_up: heating for 2 minutes", false},
			{sensors.Reading{sensors.NoValue("skipped"), sensors.Value(2), warming}, "gas: warming_up: heating for 2 minutes", false},
			{sensors.Reading{sensors.NoValue("skipped"), sensors.Value(2).Doubtful(sensors.Suspect, "too wet"), warming}, "humi: suspect: too wet", true},
			{sensors.Reading{sensors.NoValue("skipped"), sensors.Value(2), sensors.Value(3)}, "no value for temp: skipped", false},
			{sensors.Reading{sensors.NoValue("torn off"), sensors.Value(2), sensors.Value(3)}, "no value for temp: torn off", false},
			{sensors.Reading{sensors.Value(1), sensors.Value(2), sensors.Value(3)}, "ok", false},
			{sensors.Reading{sensors.Value(1).Doubtful(sensors.Stale, "asked too often"), sensors.Value(2), sensors.Value(3)}, "ok", false},
		} {
			now.Store(&step.r)
			if h == nil {
				h = begin(t, []Sensor{air}, []Stream{{"main", time.Second, []int{0}}})
				synctest.Wait()
			}
			pass(3 * time.Second)
			if got := h.Health(0); got.String() != step.want || got.Bad() != step.bad {
				t.Errorf("step %d: health %q, bad %v", i, got, got.Bad())
			}
		}
		if h.edges != 5 { // the second step changes nothing
			t.Errorf("health changed %d times, want 5", h.edges)
		}
	})
}

type readingFunc func() sensors.Reading

func (f readingFunc) Read(context.Context) (sensors.Reading, error) { return f(), nil }
func (f readingFunc) Close() error                                  { return nil }

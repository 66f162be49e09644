package sampler

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/sensors"
)

// scripted is a sensor on a bus that opens and reads by functions; those that
// are nil succeed at once, with 1.
type scripted struct {
	takes time.Duration
	open  func() error
	read  func(ctx context.Context) (sensors.Reading, error)
}

func (f *scripted) sensor(name string) Sensor {
	return Sensor{
		Name: name,
		Bus:  "i2c1",
		Plan: sensors.Plan{
			Outputs: sensors.OutputsOf(sensors.Number),
			Takes:   f.takes,
			Open: func(context.Context, sensors.Wire) (sensors.Sensor, error) {
				if f.open != nil {
					if err := f.open(); err != nil {
						return nil, err
					}
				}
				return f, nil
			},
		},
		Wire: func() (sensors.Wire, error) { return sensors.Wire{}, nil },
	}
}

func (f *scripted) Read(ctx context.Context) (sensors.Reading, error) {
	if f.read == nil {
		return sensors.Reading{sensors.Value(1)}, nil
	}
	return f.read(ctx)
}

func (f *scripted) Close() error { return nil }

var doubtful = sensors.Value(99).Doubtful(sensors.Suspect, "a step")

// A sensor that was left alone for the sake of the others, and comes back with
// a value that cannot be, is not taken for a good one without any value.
func TestSuspectValueAfterARestIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		slow := &scripted{takes: 5 * ms}
		slow.read = func(ctx context.Context) (sensors.Reading, error) {
			if time.Since(start) < 30*time.Second {
				return nil, errors.Join(sensors.Sleep(ctx, 2*time.Second), errors.New("no answer"))
			}
			return sensors.Reading{doubtful}, nil
		}
		h := begin(t, []Sensor{slow.sensor("slow"), (&scripted{}).sensor("other")}, []Stream{{"main", time.Second, []int{0, 1}}})
		pass(2 * time.Minute)
		h.good()
		for range 90 {
			pass(time.Second)
			if health := h.Health(0); !health.Suspect {
				t.Fatalf("health %+v", health)
			}
		}
		if good, bad := h.good(); good != 0 || bad != 90 {
			t.Errorf("%d good ticks and %d bad", good, bad)
		}
	})
}

// Where a tick leaves no time for the whole ladder the chip is reset all the
// same: a step that is true is believed by nothing else.
func TestSuspectChipIsResetHoweverShortTheInterval(t *testing.T) {
	for _, tt := range []struct{ takes, interval time.Duration }{
		{1 * ms, 10 * ms},
		{200 * ms, 250 * ms},
		{230 * ms, 500 * ms},
		{400 * ms, time.Second},
		{5 * time.Second, time.Second},
		{700 * ms, time.Second},
		{20 * ms, 24 * time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			start, opened := time.Now(), time.Time{}
			f := &scripted{takes: tt.takes, open: func() error { opened = time.Now(); return nil }}
			f.read = func(ctx context.Context) (sensors.Reading, error) {
				if err := sensors.Sleep(ctx, tt.takes); err != nil {
					return nil, err
				}
				if time.Since(start) > 3*tt.interval && opened.Sub(start) < 3*tt.interval {
					return sensors.Reading{doubtful}, nil
				}
				return sensors.Reading{sensors.Value(1)}, nil
			}
			h := begin(t, []Sensor{f.sensor("air")}, []Stream{{"main", tt.interval, []int{0}}})
			pass(3*tt.interval + 10*time.Second + 10*tt.takes + tt.interval)
			if health := h.Health(0); health.String() != "ok" || health.Steps.Resets != 1 {
				t.Errorf("takes %v, interval %v: %+v", tt.takes, tt.interval, health)
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			for _, k := range h.ticks {
				if k.values[0] == nil && tt.takes < tt.interval {
					t.Errorf("takes %v, interval %v: nothing at %v, as the ladder was climbed too long", tt.takes, tt.interval, k.after)
				}
			}
		})
	}
}

// The ladder is climbed as far as there is time for it: what lasts costs no
// tick its other values.
func TestLadderEndsWithItsTick(t *testing.T) {
	for _, takes := range []time.Duration{50 * ms, 150 * ms, 200 * ms, 270 * ms, 400 * ms} {
		synctest.Test(t, func(t *testing.T) {
			f := &scripted{takes: takes, read: func(ctx context.Context) (sensors.Reading, error) {
				return sensors.Reading{doubtful}, sensors.Sleep(ctx, takes)
			}}
			h := begin(t, []Sensor{f.sensor("air")}, []Stream{{"main", time.Second, []int{0}}})
			pass(10 * time.Minute)
			h.mu.Lock()
			defer h.mu.Unlock()
			for _, k := range h.ticks {
				if k.values[0] == nil {
					t.Errorf("takes %v: nothing at %v", takes, k.after)
				}
			}
		})
	}
}

// A chip that has no value for a while after each reset is not reset again and
// again: all its values would be missing for ever because of one.
func TestChipIsNotResetAgainBeforeItHasMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened time.Time
		f := &scripted{takes: 10 * ms, open: func() error { opened = time.Now(); return nil }}
		f.read = func(context.Context) (sensors.Reading, error) {
			if time.Since(opened) < 5*time.Second {
				return sensors.Reading{sensors.NoValue("not yet")}, nil
			}
			return sensors.Reading{doubtful}, nil
		}
		h := begin(t, []Sensor{f.sensor("co2")}, []Stream{{"main", time.Second, []int{0}}})
		pass(20 * time.Minute)
		if n := h.Health(0).Steps.Resets; n < 15 || n > 30 {
			t.Errorf("%d resets in 20 minutes", n)
		}
	})
}

// What has no bus is read again and opened anew, but no bus is.
func TestNoBusIsReopenedForASensorWithoutOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		f := &scripted{read: func(context.Context) (sensors.Reading, error) { reads++; return nil, errors.New("exit status 1") }}
		s := f.sensor("program")
		s.Bus = ""
		h := begin(t, []Sensor{s}, []Stream{{"main", time.Second, []int{0}}})
		pass(500 * ms)
		if steps := h.Health(0).Steps; steps != (Steps{Retries: 1, Resets: 1}) || reads != 3 {
			t.Errorf("%+v, %d attempts", steps, reads)
		}
	})
}

package sampler

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/sensors"
)

// fake is a sensor whose reading is what read returns.
type fake struct {
	read   func(ctx context.Context) (float64, error)
	closed int
}

func (f *fake) Read(ctx context.Context) (sensors.Reading, error) {
	v, err := f.read(ctx)
	if err != nil {
		return nil, err
	}
	return sensors.Reading{sensors.Value(v)}, nil
}

func (f *fake) Close() error { f.closed++; return nil }

func (f *fake) sensor(name string) Sensor {
	return Sensor{
		Name: name,
		Plan: sensors.Plan{
			Outputs: sensors.OutputsOf(sensors.Number),
			Takes:   100 * time.Millisecond,
			Open:    func(context.Context, sensors.Wire) (sensors.Sensor, error) { return f, nil },
		},
		Wire: func() (sensors.Wire, error) { return sensors.Wire{}, nil },
	}
}

func steady(v float64) *fake {
	return &fake{read: func(context.Context) (float64, error) { return v, nil }}
}

// taken is one tick as the test saw it; NaN-free: a missing reading is nil.
type taken struct {
	stream int
	after  time.Duration // since the start
	values []*float64

	suspect bool // a value is
}

// harness runs a sampler in a synctest bubble and collects its ticks.
type harness struct {
	*Sampler
	start time.Time
	mu    sync.Mutex
	ticks []taken
	edges int
}

func begin(t *testing.T, list []Sensor, streams []Stream) *harness {
	h := &harness{start: time.Now()}
	h.Sampler = New(list, streams, h.deliver, func(int, Health) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.edges++
	}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- h.run(ctx, newRuntimeTimer) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *harness) deliver(t Tick) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k := taken{stream: t.Stream, after: t.At.Sub(h.start)}
	for _, r := range t.Readings {
		var v *float64
		if r != nil {
			v = new(r[0].Value)
			k.suspect = k.suspect || suspect(r)
		}
		k.values = append(k.values, v)
	}
	h.ticks = append(h.ticks, k)
}

// after returns when the ticks of a stream came, and forgets them.
func (h *harness) after(stream int) []time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	var times []time.Duration
	h.ticks = slices.DeleteFunc(h.ticks, func(k taken) bool {
		if k.stream == stream {
			times = append(times, k.after)
		}
		return k.stream == stream
	})
	return times
}

const ms = time.Millisecond

// pass lets time pass and everything due by then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// A day: every tick on the grid though each reading takes a while, none
// missing, none twice.
func TestTwentyFourHoursWithoutDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &fake{read: func(context.Context) (float64, error) {
			time.Sleep(37 * ms)
			return 1, nil
		}}
		h := begin(t, []Sensor{slow.sensor("slow")}, []Stream{{"main", 700 * ms, []int{0}}})
		pass(24*time.Hour + time.Second)
		times := h.after(0)
		if want := int(24*time.Hour/(700*ms)) + 2; len(times) != want {
			t.Fatalf("%d ticks, want %d", len(times), want)
		}
		for i, at := range times {
			if at != time.Duration(i)*700*ms {
				t.Fatalf("tick %d at %v", i, at)
			}
		}
	})
}

func TestSlowSensorDelaysNoOtherStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &fake{read: func(context.Context) (float64, error) { time.Sleep(450 * ms); return 1, nil }}
		s := slow.sensor("slow")
		s.Plan.Takes = 450 * ms
		h := begin(t, []Sensor{s, steady(2).sensor("quick")},
			[]Stream{{"slow", 100 * ms, []int{0}}, {"quick", 100 * ms, []int{1}}})
		pass(2*time.Second + 50*ms)
		quick := h.after(1)
		if len(quick) != 21 {
			t.Errorf("quick stream: %d ticks in 2 s, want 21", len(quick))
		}
		for i, at := range quick {
			if at != time.Duration(i)*100*ms {
				t.Errorf("quick tick %d at %v", i, at)
			}
		}
		// The slow stream's ticks come every 500 ms, on its grid; the four
		// between are skipped and counted.
		for i, at := range h.after(0) {
			if at != time.Duration(i)*500*ms {
				t.Errorf("slow tick %d at %v", i, at)
			}
		}
		if n := h.Missed(0); n != 16 {
			t.Errorf("%d ticks missed, want 16", n)
		}
		if n := h.Missed(1); n != 0 {
			t.Errorf("quick stream missed %d ticks", n)
		}
	})
}

// A sensor that hangs and heeds nothing costs its stream one wait; then the
// others of the stream go on without it, and it is taken back when it returns.
func TestHangingSensorIsLeftBehindAndTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		reads := 0
		hanging := &fake{read: func(context.Context) (float64, error) {
			if reads++; reads == 3 {
				<-release
			}
			return 1, nil
		}}
		h := begin(t, []Sensor{hanging.sensor("hanging"), steady(2).sensor("good")},
			[]Stream{{"main", time.Second, []int{0, 1}}})
		pass(10*time.Second + 500*ms)
		h.mu.Lock()
		for i, k := range h.ticks {
			if (k.values[0] != nil) != (i < 2) {
				t.Errorf("tick %d at %v: hanging sensor's value %v", i, k.after, k.values[0])
			}
			if k.values[1] == nil {
				t.Errorf("tick %d at %v: good sensor missing", i, k.after)
			}
			if k.after != time.Duration(i)*time.Second {
				t.Errorf("tick %d at %v", i, k.after)
			}
		}
		n := len(h.ticks)
		h.mu.Unlock()
		if n != 11 {
			t.Errorf("%d ticks in 10 s, want 11", n)
		}
		if health := h.Health(0); health.Err == "" || h.Health(1).String() != "ok" {
			t.Errorf("health %q and %q", health, h.Health(1))
		}
		close(release)
		pass(2 * time.Second)
		if last := h.ticks[len(h.ticks)-1]; last.values[0] == nil {
			t.Error("not taken back")
		}
		if h.Health(0).String() != "ok" {
			t.Errorf("health after its return: %v", h.Health(0))
		}
	})
}

func TestRetune(t *testing.T) {
	for _, tt := range []struct {
		name     string
		from, to time.Duration
		at       time.Duration   // of the command
		want     []time.Duration // first ticks after it
	}{
		{"shorter, due in the past", 10 * time.Second, time.Second, 4 * time.Second, []time.Duration{4 * time.Second, 5 * time.Second, 6 * time.Second}},
		{"shorter, due soon", 10 * time.Second, 5 * time.Second, 4 * time.Second, []time.Duration{5 * time.Second, 10 * time.Second}},
		{"longer", time.Second, 5 * time.Second, 2500 * ms, []time.Duration{7 * time.Second, 12 * time.Second}},
		{"the same", time.Second, time.Second, 2500 * ms, []time.Duration{3 * time.Second, 4 * time.Second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := begin(t, []Sensor{steady(1).sensor("a")}, []Stream{{"main", tt.from, []int{0}}})
				pass(tt.at)
				h.after(0)
				h.SetInterval(0, tt.to, time.Now())
				pass(tt.want[len(tt.want)-1] - tt.at)
				if got := h.after(0); !slices.Equal(got, tt.want) {
					t.Errorf("ticks at %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// Commands that arrive faster than the interval must not put the tick off.
func TestEndlessRetuningDoesNotStarveTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := begin(t, []Sensor{steady(1).sensor("a")}, []Stream{{"main", time.Second, []int{0}}})
		for i := range 100 {
			time.Sleep(100 * ms)
			h.SetInterval(0, time.Second+time.Duration(i%2)*50*ms, time.Now())
		}
		if n := len(h.after(0)); n < 9 || n > 12 {
			t.Errorf("%d ticks in 10 s", n)
		}
	})
}

func TestStreamsThatTickTogetherShareAReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		counting := &fake{read: func(context.Context) (float64, error) {
			reads++
			time.Sleep(20 * ms)
			return float64(reads), nil
		}}
		h := begin(t, []Sensor{counting.sensor("a")},
			[]Stream{{"fast", time.Second, []int{0}}, {"slow", 5 * time.Second, []int{0}}})
		pass(10*time.Second + 500*ms)
		if reads != 11 {
			t.Errorf("%d readings for 11 instants", reads)
		}
		if n := len(h.after(1)); n != 3 {
			t.Errorf("slow stream: %d ticks", n)
		}
	})
}

// Any number of streams share a slow sensor without a failure: whoever waits
// while it is read gets what is read next.
func TestManyStreamsShareASlowSensor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &fake{read: func(ctx context.Context) (float64, error) { return 1, sensors.Sleep(ctx, 5*time.Second) }}
		s := slow.sensor("co2")
		s.Plan.Takes = 5500 * ms
		h := begin(t, []Sensor{s}, []Stream{
			{"a", 20 * time.Second, []int{0}},
			{"b", 21 * time.Second, []int{0}},
			{"c", 22 * time.Second, []int{0}},
			{"d", 23 * time.Second, []int{0}},
		})
		pass(time.Hour)
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, k := range h.ticks {
			if k.values[0] == nil {
				t.Errorf("stream %d at %v: no value", k.stream, k.after)
			}
		}
		if h.edges != 1 {
			t.Errorf("health changed %d times", h.edges)
		}
	})
}

// What has no value though its sensor answers is told by the health.
func TestMissingValuesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dark := &fake{read: func(context.Context) (float64, error) { return math.NaN(), nil }}
		h := begin(t, []Sensor{dark.sensor("cell")}, []Stream{{"main", time.Second, []int{0}}})
		pass(10*time.Second + 500*ms)
		if got := h.Health(0).String(); got != "no value for value: not measured" {
			t.Errorf("health %q", got)
		}
		if h.edges != 1 {
			t.Errorf("health changed %d times", h.edges)
		}
	})
}

// A sensor whose readings fail late is opened anew all the same.
func TestLateFailuresReopen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opens := 0
		f := &fake{read: func(ctx context.Context) (float64, error) {
			if err := sensors.Sleep(ctx, 2*time.Second); err != nil {
				return 0, err
			}
			return 0, errors.New("bus error")
		}}
		s := f.sensor("stuck")
		open := s.Plan.Open
		s.Plan.Open = func(ctx context.Context, w sensors.Wire) (sensors.Sensor, error) { opens++; return open(ctx, w) }
		h := begin(t, []Sensor{s}, []Stream{{"a", time.Second, []int{0}}, {"b", time.Second, []int{0}}})
		pass(time.Minute)
		if opens < 5 {
			t.Errorf("opened %d times in a minute of failures", opens)
		}
		if err := h.Health(0).Err; err != "bus error" || h.edges > 3 {
			t.Errorf("health %q after %d changes", err, h.edges)
		}
	})
}

// A sensor that is not there at the start is looked for at each tick and read
// within one interval of its coming; one that fails is opened anew.
func TestAbsentAndFailingSensors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		since := func(d time.Duration) bool { return time.Since(start) >= d }
		opens := 0
		f := &fake{}
		f.read = func(context.Context) (float64, error) {
			if since(20*time.Second) && !since(30*time.Second) {
				return 0, errors.New("bus error")
			}
			return 1, nil
		}
		s := f.sensor("late")
		s.Plan.Open = func(context.Context, sensors.Wire) (sensors.Sensor, error) {
			opens++
			if !since(9500 * ms) {
				return nil, sensors.ErrNotFound
			}
			return f, nil
		}
		h := begin(t, []Sensor{s}, []Stream{{"main", time.Second, []int{0}}})
		pass(40*time.Second + 500*ms)
		h.mu.Lock()
		defer h.mu.Unlock()
		for i, k := range h.ticks {
			want := i >= 10 && i < 20 || i >= 30
			if (k.values[0] != nil) != want {
				t.Errorf("tick %d: value %v", i, k.values[0])
			}
		}
		if f.closed < 3 {
			t.Errorf("closed %d times in 10 s of failures", f.closed)
		}
		if opens < 13 {
			t.Errorf("opened %d times", opens)
		}
		// starting, missing, found, failing, recovered: and nothing at each tick.
		if h.edges < 4 || h.edges > 6 {
			t.Errorf("%d changes of health told", h.edges)
		}
	})
}

func TestDriverThatGivesTooFewMeasurementsIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := steady(1).sensor("short")
		s.Plan.Outputs = sensors.OutputsOf(sensors.Temperature, sensors.Humidity)
		h := begin(t, []Sensor{s}, []Stream{{"main", time.Second, []int{0}}})
		pass(1500 * ms)
		if h.Health(0).Err == "" {
			t.Error("not noticed")
		}
	})
}

// Stopping does not wait for a sensor that hangs for ever.
func TestStopLeavesAHangingSensorBehind(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	hanging := &fake{read: func(context.Context) (float64, error) { <-release; return 0, nil }}
	s := New([]Sensor{hanging.sensor("a")}, []Stream{{"main", time.Second, []int{0}}},
		func(Tick) {}, func(int, Health) {}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*ms, cancel)
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("does not end")
	}
}

// The platform's own timer keeps the grid and can be interrupted, also before
// it is waited on.
func TestTimer(t *testing.T) {
	tm, err := newTimer()
	if err != nil {
		t.Fatal(err)
	}
	defer tm.Close()
	begin := time.Now()
	for i := range 20 {
		tm.Wait(begin.Add(time.Duration(i+1) * 5 * ms))
	}
	if took := time.Since(begin); took < 100*ms {
		t.Errorf("20 waits of 5 ms took %v", took)
	}
	tm.Interrupt()
	tm.Wait(time.Now().Add(time.Hour))
	go func() { time.Sleep(20 * ms); tm.Interrupt() }()
	tm.Wait(time.Now().Add(time.Hour))
	// An interrupt is spent on the wait it ended.
	begin = time.Now()
	tm.Wait(begin.Add(10 * ms))
	if took := time.Since(begin); took < 10*ms {
		t.Errorf("a wait of 10 ms took %v after an interrupt", took)
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	reading := sensors.Reading{sensors.Value(1)}
	reads := 0
	quick := allocationFree{reading, &reads}
	s := New([]Sensor{{
		Name: "a",
		Plan: sensors.Plan{Outputs: sensors.OutputsOf(sensors.Number), Open: func(context.Context, sensors.Wire) (sensors.Sensor, error) { return quick, nil }},
		Wire: func() (sensors.Wire, error) { return sensors.Wire{}, nil },
	}}, []Stream{{"main", time.Second, []int{0}}}, func(Tick) {}, func(int, Health) {}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	go s.sources[0].run(t.Context())
	defer close(s.sources[0].asks)
	timeout := time.NewTimer(time.Hour)
	allocs := testing.AllocsPerRun(200, func() {
		now := time.Now() // each tick is after the reading before
		s.streams[0].read(t.Context(), now, grid{time.Second, now}, timeout)
	})
	if allocs != 0 {
		t.Errorf("%v allocations per tick", allocs)
	}
	if reads < 200 {
		t.Errorf("%d readings", reads)
	}
}

type allocationFree struct {
	r     sensors.Reading
	reads *int
}

func (a allocationFree) Read(context.Context) (sensors.Reading, error) { *a.reads++; return a.r, nil }
func (a allocationFree) Close() error                                  { return nil }

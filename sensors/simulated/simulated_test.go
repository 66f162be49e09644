package simulated

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/sensors"
)

func open(t *testing.T, set func(*Options)) sensors.Sensor {
	t.Helper()
	p, err := Driver().Configure(func(o any) error { set(o.(*Options)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Open(t.Context(), sensors.Wire{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t *testing.T, s sensors.Sensor) sensors.Reading {
	t.Helper()
	r, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return append(sensors.Reading(nil), r...)
}

func TestCounterRunsFrom0To255AndRoundAgain(t *testing.T) {
	s := open(t, func(o *Options) { o.Shape = Counter })
	for i := range 600 {
		if got := read(t, s)[0].Value; got != float64(i%256) {
			t.Fatalf("reading %d is %v, want %d", i, got, i%256)
		}
	}
}

func TestUniformCoversItsRange(t *testing.T) {
	s := open(t, func(o *Options) { o.Shape, o.Min, o.Max = Uniform, -2, 3 })
	seen := map[float64]int{}
	for range 6000 {
		seen[read(t, s)[0].Value]++
	}
	for v := -2.0; v <= 3; v++ {
		if n := seen[v]; n < 850 || n > 1150 {
			t.Errorf("%v came %d times of 6000, want about 1000", v, n)
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d different values, want 6: %v", len(seen), seen)
	}
}

// A day of weather: plausible, never still, dark at night, and the same again
// for the same seed.
func TestWeather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, func(*Options) {})
		b := open(t, func(*Options) {})
		other := open(t, func(o *Options) { o.Seed = 2 })
		limits := [][2]float64{{0, 20000}, {5, 35}, {10, 95}, {980, 1040}, {20000, 250000}}
		var brightest, previous float64
		for range 24 * 60 {
			ra, rb, ro := read(t, a), read(t, b), read(t, other)
			for i, m := range ra {
				if m.Value < limits[i][0] || m.Value > limits[i][1] {
					t.Fatalf("output %d at %v is %v", i, time.Now(), m.Value)
				}
				if m != rb[i] {
					t.Fatalf("same seed, other value: %v and %v", m, rb[i])
				}
			}
			if ra[1] == ro[1] {
				t.Fatal("another seed gives the same temperature")
			}
			if ra[1].Value == previous || math.Abs(ra[1].Value-previous) > 1 && previous != 0 {
				t.Fatalf("temperature went from %v to %v in a minute", previous, ra[1].Value)
			}
			previous = ra[1].Value
			brightest = max(brightest, ra[0].Value)
			if hour := time.Now().UTC().Hour(); (hour < 5 || hour > 18) && ra[0].Value > 60 {
				t.Fatalf("%v lx at %v", ra[0].Value, time.Now().UTC())
			}
			time.Sleep(time.Minute)
		}
		if brightest < 3000 {
			t.Errorf("brightest of the day: %v lx", brightest)
		}
	})
}

func TestFaultsOnDemand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fault")
	s := open(t, func(o *Options) { o.Shape, o.FaultFile = Counter, file })
	want := func(word string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(word+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read(t, s)
	for _, word := range []string{"error", "absent", "nonsense"} {
		want(word)
		if r, err := s.Read(t.Context()); err == nil {
			t.Errorf("%s: read %v", word, r)
		}
	}
	want("stuck")
	if a, b := read(t, s), read(t, s); a[0] != b[0] {
		t.Errorf("stuck: %v then %v", a, b)
	}
	want("hang")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = s.Read(t.Context())
	}()
	select {
	case <-done:
		t.Error("hang: came back")
	case <-time.After(120 * time.Millisecond):
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	<-done
	read(t, s)
}

// A weather that is stuck can be told by its limits; nothing else may be: what
// counts or throws dice says the same now and then.
func TestStuckWeatherShows(t *testing.T) {
	for shape, want := range map[Shape]sensors.Limits{Weather: {Flat: stuckAfter}, Counter: {}, Uniform: {}} {
		plan, err := Driver().Configure(func(o any) error { o.(*Options).Shape = shape; return nil })
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range plan.Outputs {
			if o.Limits != want {
				t.Errorf("%s: limits of %s are %+v, want %+v", shape, o.Key, o.Limits, want)
			}
		}
	}
	synctest.Test(t, func(t *testing.T) { // whose clock stands at midnight, in the dark
		s := open(t, func(*Options) {})
		before := read(t, s)
		for range 1000 {
			time.Sleep(time.Millisecond)
			now := read(t, s)
			for i := range now {
				if now[i] == before[i] {
					t.Errorf("measurement %d is %v twice in a row", i, now[i].Value)
				}
			}
			before = now
		}
	})
}

func TestBadOptionsAreNamed(t *testing.T) {
	for _, set := range []func(*Options){
		func(o *Options) { o.Shape = "sinus" },
		func(o *Options) { o.Shape, o.Min, o.Max = Uniform, 3, 2 },
	} {
		if _, err := Driver().Configure(func(o any) error { set(o.(*Options)); return nil }); err == nil {
			t.Error("accepted")
		}
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	s := open(t, func(*Options) {})
	if n := testing.AllocsPerRun(100, func() { _, _ = s.Read(t.Context()) }); n != 0 {
		t.Errorf("%v allocations per reading", n)
	}
}

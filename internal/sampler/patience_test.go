package sampler

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sensor-agent/sensors"
)

// A sensor may begin to hang on any step of the ladder, while its stream tells
// of it.
func TestSensorThatHangsOnTheLadder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		f := &scripted{takes: 20 * ms, read: func(ctx context.Context) (sensors.Reading, error) {
			if reads++; reads > 1 {
				return nil, errors.Join(sensors.Sleep(ctx, 2*time.Second), errors.New("no answer"))
			}
			return nil, errors.New("disturbed")
		}}
		h := begin(t, []Sensor{f.sensor("air")}, []Stream{{"main", time.Second, []int{0}}})
		time.Sleep(1500 * ms)
		if health := h.Health(0); health.Err != errOverdue.Error() || health.Steps.Retries != 1 {
			t.Errorf("health %+v", health)
		}
	})
}

// A program may take 5 s. While it fails so, the others of its stream are read
// at each tick; once it answers, however late, it is waited for again.
func TestSensorThatMayTakeLongerThanTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		f := &scripted{takes: 5 * time.Second, read: func(ctx context.Context) (sensors.Reading, error) {
			takes, err := 200*ms, error(nil)
			switch since := time.Since(start); {
			case since > 95*time.Second:
				takes = 2 * time.Second
			case since > 5*time.Second:
				takes, err = 5*time.Second, errors.New("killed")
			}
			if err := sensors.Sleep(ctx, takes); err != nil {
				return nil, err
			}
			return sensors.Reading{sensors.Value(1)}, err
		}}
		s := f.sensor("program")
		s.Bus = ""
		h := begin(t, []Sensor{s, steady(2).sensor("light")}, []Stream{{"main", time.Second, []int{0, 1}}})
		pass(5500 * ms)
		pass(30 * time.Second) // it is noticed
		before := h.Missed(0)
		pass(time.Minute)
		if n := h.Missed(0) - before; n > 0 {
			t.Errorf("missed %d ticks of 60 because of a sensor that has been failing", n)
		}
		pass(15 * time.Second) // it answers again
		h.good()
		pass(20 * time.Second)
		if good, bad := h.good(); good < 6 || bad > 0 {
			t.Errorf("after its return %d ticks with its value and %d without: %v", good, bad, h.Health(0))
		}
		if got := h.Health(0).String(); got != "ok" {
			t.Errorf("health after its return: %s", got)
		}
	})
}

// An attempt that takes as long as the sensor may is no reason to leave it
// alone, nor are several of them.
func TestQuickFailuresAreTriedAtEachTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		f := &scripted{takes: 150 * ms, read: func(ctx context.Context) (sensors.Reading, error) {
			if err := sensors.Sleep(ctx, 120*ms); err != nil {
				return nil, err
			}
			if time.Since(start) < 5*time.Minute {
				return nil, errors.New("bad checksum")
			}
			return sensors.Reading{sensors.Value(1)}, nil
		}}
		h := begin(t, []Sensor{f.sensor("air"), (&scripted{}).sensor("other")}, []Stream{{"main", time.Second, []int{0, 1}}})
		pass(5*time.Minute - 500*ms)
		h.good()
		pass(2 * time.Second)
		if good, _ := h.good(); good != 2 {
			t.Error("not back within one interval")
		}
	})
}

// A loose contact does not fill the log; what lasts is told, and its end.
func TestFlappingSensorDoesNotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		start := time.Now()
		f := &scripted{takes: ms, read: func(context.Context) (sensors.Reading, error) {
			switch since := time.Since(start); {
			case since < time.Minute && since/(100*ms)%2 == 1, since >= time.Minute && since < 2*time.Minute:
				return nil, errors.New("loose contact")
			}
			return sensors.Reading{sensors.Value(1)}, nil
		}}
		s := New([]Sensor{f.sensor("air")}, []Stream{{"main", 100 * ms, []int{0}}},
			func(Tick) {}, func(int, Health) {}, slog.New(slog.NewTextHandler(&log, nil)))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		if err := s.RunSimulated(ctx); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if n := len(lines); n < 14 || n > 26 {
			t.Errorf("%d lines in a minute of flapping", n)
		}
		if last := lines[len(lines)-1]; !strings.Contains(last, "sensor recovered") {
			t.Errorf("the last line is %s", last)
		}
		if failing := strings.Count(log.String(), "sensor failing"); failing != strings.Count(log.String(), "sensor recovered") {
			t.Errorf("not as many ends as beginnings:\n%s", log.String())
		}
	})
}

// A trouble that lasts is told once; one whose reason changes with each reading
// now and then.
func TestLastingTroubleDoesNotFloodTheLog(t *testing.T) {
	for _, tt := range []struct {
		reason   string
		from, to int // lines in five minutes
	}{
		{"nothing answers", 1, 1},
		{"measured %d °C", 4, 6},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			reads := 0
			f := &scripted{read: func(context.Context) (sensors.Reading, error) {
				reads++
				return nil, errors.New(strings.ReplaceAll(tt.reason, "%d", strconv.Itoa(reads)))
			}}
			s := New([]Sensor{f.sensor("air")}, []Stream{{"main", 100 * ms, []int{0}}},
				func(Tick) {}, func(int, Health) {}, slog.New(slog.NewTextHandler(&log, nil)))
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			if err := s.RunSimulated(ctx); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(log.String(), "\n"); n < tt.from || n > tt.to {
				t.Errorf("%d lines in five minutes:\n%s", n, log.String())
			}
		})
	}
}

// A reading that the end of the agent interrupts says nothing of the sensor.
func TestInterruptedReadingIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &scripted{takes: time.Second, read: func(ctx context.Context) (sensors.Reading, error) {
			if err := sensors.Sleep(ctx, 900*ms); err != nil {
				return nil, err
			}
			return sensors.Reading{sensors.Value(1)}, nil
		}}
		s := New([]Sensor{f.sensor("air")}, []Stream{{"main", time.Second, []int{0}}},
			func(Tick) {}, func(int, Health) {}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(1500*ms, cancel)
		if err := s.RunSimulated(ctx); err != nil {
			t.Fatal(err)
		}
		if got := s.Health(0).String(); got != "ok" {
			t.Errorf("health %s", got)
		}
	})
}

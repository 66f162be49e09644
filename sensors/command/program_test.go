package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/sensors"
)

// generous is for what must come, on a machine however busy.
const generous = time.Minute

// lengthening are timeouts for a program that is to be late, to be tried in
// turn: in the first a busy machine may not even get it to its point.
var lengthening = []time.Duration{time.Second, 5 * time.Second, generous}

// plans returns the plan of a shell script with one value, "v".
func plans(t *testing.T, o options, script string) sensors.Plan {
	t.Helper()
	o.Command = []string{"/bin/sh", "-c", script}
	o.Values = []value{{Key: "v", Quantity: "number"}}
	p, err := configured(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func opened(t *testing.T, p sensors.Plan) sensors.Sensor {
	t.Helper()
	s, err := p.Open(t.Context(), sensors.Wire{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// until reads until the value is v, or the reason for none has v in it.
func until(t *testing.T, s sensors.Sensor, v string) {
	t.Helper()
	end := time.Now().Add(generous)
	for {
		r, err := s.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m := r[0]; m.Valid() && fmt.Sprint(m.Value) == v || !m.Valid() && strings.Contains(m.Reason, v) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the last reading is %+v, want %s", r, v)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestOnDemand(t *testing.T) {
	for name, script := range map[string]string{
		"an object":                 `echo '{"v": 7, "w": "x"}'`,
		"a number":                  `echo 7`,
		"without newline":           `printf 7`,
		"the last line counts":      `echo starting; echo 6; echo 7`,
		"talks":                     `echo 7; echo hello >&2`,
		"floods its standard error": `head -c 3000000 /dev/zero >&2; echo 7`,
		"floods its output":         `yes 6 | head -n 300000; echo 7`,
		"a line too long before":    `head -c 200000 /dev/zero; echo; echo 7`,
		"has no input":              `cat; echo 7`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := opened(t, plans(t, options{Timeout: generous}, script))
			for range 2 {
				if r, err := s.Read(t.Context()); err != nil || r[0] != sensors.Value(7) {
					t.Errorf("%+v, %v", r, err)
				}
			}
		})
	}
}

func TestOnDemandFails(t *testing.T) {
	for _, test := range []struct {
		name   string
		o      options
		script string
		want   string
	}{
		{"fails", options{}, `echo 7; echo 'no sensor
on /dev/ttyUSB0' >&2; exit 3`, "the program failed: exit status 3 (no sensor / on /dev/ttyUSB0)"},
		{"dies", options{}, `kill -SEGV $$`, "signal: segmentation fault"},
		{"says nothing", options{}, `echo >&2 why`, "the program printed no line (why)"},
		{"prints no JSON", options{}, `echo hello`, `printed "hello", which is not JSON`},
		{"prints one long line", options{}, `head -c 200000 /dev/zero`, "longer than 64 KiB"},
		{"does not end", options{Timeout: 50 * time.Millisecond}, `echo 7; echo waiting >&2; exec sleep 600`, "did not end within 50ms"},
		{"does not end when asked to", options{Timeout: 50 * time.Millisecond}, `trap '' TERM; echo 7; sleep 600`, "did not end within 50ms"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.o.Timeout == 0 {
				test.o.Timeout = generous
			}
			s := opened(t, plans(t, test.o, test.script))
			if r, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%+v, error %v, want …%s…", r, err, test.want)
			}
		})
	}
}

func TestNoSuchProgram(t *testing.T) {
	for _, mode := range []string{modeReading, modeLines} {
		p, err := configured(options{Mode: mode, Command: []string{"no-such-program"}, Values: []value{{Quantity: "number"}}})
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.Open(t.Context(), sensors.Wire{})
		if err == nil {
			_, err = s.Read(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), `cannot be started: exec: "no-such-program": executable file not found`) {
			t.Errorf("%s: error %v", mode, err)
		}
	}
}

func TestInterrupted(t *testing.T) {
	for _, mode := range []string{modeReading, modeLines} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		p := plans(t, options{Mode: mode, Timeout: generous}, "exec sleep 600")
		s, err := p.Open(ctx, sensors.Wire{})
		if err == nil {
			_, err = s.Read(ctx)
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", mode, err)
		}
	}
}

func TestRunning(t *testing.T) {
	for _, test := range []struct{ name, script, want string }{
		{"a line now and then", `for i in 1 2 3; do echo "{\"v\": $i}"; sleep 0.01; done; exec sleep 600`, "3"},
		{"more than a pipe holds", `yes 6 | head -n 300000; echo 7; exec sleep 600`, "7"},
		{"floods its standard error", `echo 1; head -c 3000000 /dev/zero >&2; echo 7; exec sleep 600`, "7"},
		{"a line too long", `echo 1; head -c 200000 /dev/zero; exec sleep 600`, "longer than 64 KiB"},
		{"a line too long, then a good one", `head -c 200000 /dev/zero; echo; echo 7; exec sleep 600`, "7"},
		{"no JSON", `echo 1; echo hello; exec sleep 600`, "not JSON"},
		{"no newline yet", `echo 7; printf 8; exec sleep 600`, "7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			until(t, opened(t, plans(t, options{Mode: modeLines, Timeout: generous}, test.script)), test.want)
		})
	}
}

func TestRunningFailsToBegin(t *testing.T) {
	for _, test := range []struct{ name, script, want string }{
		{"prints nothing", `echo thinking >&2; exec sleep 600`, "printed no line within TIMEOUT of its start: have it flush what it prints, or lengthen `timeout` (thinking)"},
		{"prints no end of line", `printf 7; exec sleep 600`, "printed no line within TIMEOUT"},
		{"fails", `echo no luck >&2; exit 3`, "the program failed: exit status 3 (no luck)"},
		{"ends", `true`, "wants `mode: reading`"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var err error
			for _, timeout := range lengthening {
				p := plans(t, options{Mode: modeLines, Timeout: timeout}, test.script)
				_, err = p.Open(t.Context(), sensors.Wire{})
				if err != nil && strings.Contains(err.Error(), strings.ReplaceAll(test.want, "TIMEOUT", timeout.String())) {
					return
				}
			}
			t.Errorf("error %v, want …%s…", err, test.want)
		})
	}
}

// A program that crashes is an error with the reason until it has been started
// again, as who reads a sensor does with one that fails.
func TestCrashAndRestart(t *testing.T) {
	dir := t.TempDir()
	plan, err := configured(options{Mode: modeLines, Timeout: generous, Values: []value{{Quantity: "number"}}, Command: []string{"/bin/sh", "-c", `
		if [ ! -e "$0/crash" ]; then
			echo 1; until [ -e "$0/crash" ]; do sleep 0.01; done; echo out of luck >&2; exit 3
		fi
		echo 2; exec sleep 600`, dir}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	s, err := plan.Open(ctx, sensors.Wire{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "crash"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(generous)
	for err == nil && time.Now().Before(end) {
		_, err = s.Read(ctx)
	}
	const why = "the program failed: exit status 3 (out of luck)"
	if err == nil || err.Error() != why {
		t.Fatalf("error %v, want %s", err, why)
	}
	if _, again := s.Read(ctx); again == nil || again.Error() != why {
		t.Errorf("then error %v", again)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s, err = plan.Open(ctx, sensors.Wire{})
	for err != nil && time.Now().Before(end) {
		if want := why + ": it is started again 1s after its last start"; err.Error() != want {
			t.Fatalf("error %v, want %s", err, want)
		}
		time.Sleep(10 * time.Millisecond)
		s, err = plan.Open(ctx, sensors.Wire{})
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	until(t, s, "2")
}

// However often a program that cannot run is asked for, it is started ever more
// rarely; one that ran well for a while is started again at once.
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &program{argv: []string{"/no/such/program"}, timeout: time.Second}
		begin := time.Now()
		var starts []int
		tried := func() bool {
			before := p.process
			if err := p.launch(t.Context()); err == nil || !strings.Contains(err.Error(), "no such file") {
				t.Fatalf("error %v", err)
			}
			return p.process != before
		}
		for time.Since(begin) < 4*time.Minute {
			if tried() {
				starts = append(starts, int(time.Since(begin)/time.Second))
			}
			time.Sleep(100 * time.Millisecond)
		}
		if diff := cmp.Diff([]int{0, 1, 3, 7, 15, 31, 63, 123, 183}, starts); diff != "" {
			t.Errorf("seconds of the starts (-want +got)\n%s", diff)
		}
		time.Sleep(calm)
		for range 2 {
			if !tried() {
				t.Error("not started after a long time")
			}
			time.Sleep(firstPause)
		}
	})
}

// printed is a process that has printed a line and does not end.
func printed(line string) *process {
	p := &process{cancel: func() {}, done: make(chan struct{})}
	p.stdout.first = make(chan struct{})
	_, _ = p.stdout.Write([]byte(line))
	return p
}

func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &program{process: printed("7\n"), keys: []string{"v"}, reading: make(sensors.Reading, 1)}
		s := running{p, 10 * time.Second}
		for _, step := range []struct {
			sleep time.Duration
			want  sensors.Quality
		}{{0, sensors.Good}, {10 * time.Second, sensors.Good}, {time.Second, sensors.Stale}, {19 * time.Second, sensors.Stale}} {
			time.Sleep(step.sleep)
			r, err := s.Read(t.Context())
			if err != nil || r[0].Value != 7 || r[0].Quality != step.want || (r[0].Reason == "") != (step.want == sensors.Good) {
				t.Errorf("after %v: %+v, %v", step.sleep, r, err)
			}
		}
		time.Sleep(time.Second)
		if _, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "printed no line for 30s, 3 times `max_age`") {
			t.Errorf("error %v", err)
		}
		_, _ = p.process.stdout.Write([]byte("8\n"))
		if r, err := s.Read(t.Context()); err != nil || r[0] != sensors.Value(8) {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// A program that SIGKILL does not end, as it hangs in the kernel, is not waited
// for and not started again beside.
func TestImmortal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &program{argv: []string{"/no/such/program"}, process: printed("7\n"), keys: []string{"v"}, timeout: time.Second}
		if err := (running{p, time.Hour}).Close(); !errors.Is(err, errImmortal) {
			t.Errorf("closed: error %v", err)
		}
		if _, err := (onDemand{p}).Read(t.Context()); !errors.Is(err, errImmortal) {
			t.Errorf("run again: error %v", err)
		}
		if err := p.launch(t.Context()); !errors.Is(err, errImmortal) {
			t.Errorf("started again: error %v", err)
		}
		close(p.process.done) // it died at last
		if _, err := (onDemand{p}).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("after its death: error %v", err)
		}
	})
}

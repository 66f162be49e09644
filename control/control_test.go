package control

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, 11, 21, 18, 30, 0, 0, time.UTC)

const (
	fast = time.Second
	slow = 5 * time.Second
)

// two streams, "main" at 1 s and "light" at 5 s, on the device "greenhouse".
func newControl(m Memory) *Control {
	return New("greenhouse", []Stream{{"main", fast}, {"light", slow}},
		Limits{Min: 100 * time.Millisecond, Max: 24 * time.Hour}, m)
}

func single() *Control {
	return New("greenhouse", []Stream{{"main", fast}}, Limits{Min: 100 * time.Millisecond, Max: 24 * time.Hour}, Memory{})
}

func ack(t *testing.T, d Decision) string {
	t.Helper()
	if d.Ack == nil {
		return ""
	}
	text, err := json.Marshal(d.Ack)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestForms(t *testing.T) {
	for payload, want := range map[string]time.Duration{
		`5`:                    5 * time.Second,
		`0.5`:                  500 * time.Millisecond,
		`0.3`:                  300 * time.Millisecond,
		" 5\r\n":               5 * time.Second,
		`5.0`:                  5 * time.Second,
		`1e1`:                  10 * time.Second,
		`"7"`:                  7 * time.Second,
		`500ms`:                500 * time.Millisecond,
		`"2m"`:                 2 * time.Minute,
		`1m30s`:                90 * time.Second,
		`{"interval":"2s"}`:    2 * time.Second,
		`{"interval":2}`:       2 * time.Second,
		`{ "interval" : 0.25}`: 250 * time.Millisecond,
		`86400`:                24 * time.Hour,
		`0.1`:                  100 * time.Millisecond,
	} {
		c := single()
		d := c.Command([]byte(payload), false, now)
		if len(d.Changes) != 1 || d.Changes[0].Interval != want || c.Interval(0) != want {
			t.Errorf("%s: changes %v, in force %v, want %v", payload, d.Changes, c.Interval(0), want)
		}
	}
}

func TestRejections(t *testing.T) {
	for payload, reason := range map[string]string{
		`50ms`:                           `interval 50ms is below the minimum 100ms`,
		`25h`:                            `interval 25h0m0s is above the maximum 24h0m0s`,
		`0`:                              `"0" is not a time above zero: write seconds (5, 0.5) or a duration (500ms, 2m)`,
		`-1`:                             `"-1" is not a time above zero: write seconds (5, 0.5) or a duration (500ms, 2m)`,
		`NaN`:                            `"NaN" is not a time`,
		`inf`:                            `"inf" is not a time`,
		`1e309`:                          `"1e309" is not a time`,
		`9e99`:                           `"9e99" is not a time`,
		`0x10`:                           `"0x10" is not a time`,
		`1_000`:                          `"1_000" is not a time`,
		`٥`:                              `"٥" is not a time`,
		`５`:                              `"５" is not a time`,
		`fünf`:                           `"fünf" is not a time`,
		`null`:                           `"null" is not a time`,
		`true`:                           `"true" is not a time`,
		`[5]`:                            `"[5]" is not a time`,
		"\xff\xfe":                       `command is not text`,
		"5\x00":                          `command is not text`,
		` `:                              `"" is not a time`,
		`{}`:                             `the key "interval" is missing`,
		`{"interval":null}`:              `"null" is not a time`,
		`{"interval":"2s"}}`:             `not a command: more follows`,
		`{"interval":"2s"`:               `not a command: it ends before its last }: keys are`,
		`{"interval":2,"device":5}`:      `not a command: the key "device" takes text in quotes: keys are`,
		`{"intervall":"2s"}`:             `not a command: unknown field "intervall": keys are interval, stream, device, for and id`,
		`{"interval":{"s":5}}`:           `is not a time`,
		`{"interval":2,"stream":"nope"}`: `no stream "nope" here: streams are main`,
		`{"interval":2,"for":"8d"}`:      `the key "for": "8d" is not a time`,
		`{"interval":2,"for":"200h"}`:    `lease of 200h0m0s is above the maximum 168h0m0s`,
		`{"interval":2,"for":-1}`:        `the key "for": "-1" is not a time`,
		strings.Repeat("5", 2_000_000):   `command of 2000000 bytes is too long: at most 1024`,
		strings.Repeat("[", 1000):        `is not a time`,
		`{"interval":` + strings.Repeat("[", 900): `not a command`,
	} {
		c := single()
		c.Command([]byte("3"), false, now)
		d := c.Command([]byte(payload), false, now)
		shown := payload[:min(len(payload), 40)]
		if d.Ack == nil || d.Ack.Result != Rejected || !strings.Contains(d.Ack.Reason, reason) {
			t.Errorf("%s: answer %s, want rejected: %s", shown, ack(t, d), reason)
			continue
		}
		if len(d.Changes) != 0 || c.Interval(0) != 3*time.Second {
			t.Errorf("%s: changes %v, in force %v", shown, d.Changes, c.Interval(0))
		}
		if known := !strings.Contains(payload, "nope"); known && (d.Ack.Interval != 3 || d.Ack.Stream != "main") {
			t.Errorf("%s: answer %s does not say what is in force", shown, ack(t, d))
		}
		if len(d.Ack.Reason) > 300 {
			t.Errorf("%s: reason of %d bytes", shown, len(d.Ack.Reason))
		}
	}
}

func TestAnswers(t *testing.T) {
	c := newControl(Memory{})
	for _, step := range []struct{ payload, want string }{
		{`{"interval":"2s","stream":"main","device":"greenhouse","for":"10m","id":"42"}`, `{"id":"42","result":"applied","stream":"main","interval":2,"until":"2026-11-21T18:40:00Z"}`},
		{`{"interval":"50ms","stream":"main","id":"43"}`, `{"id":"43","result":"rejected","stream":"main","interval":2,"until":"2026-11-21T18:40:00Z","reason":"interval 50ms is below the minimum 100ms"}`},
		{`3`, `{"result":"applied","interval":3,"intervals":{"light":3,"main":3}}`},
		{`{"interval":"default","id":7}`, `{"id":"7","result":"applied","intervals":{"light":5,"main":1}}`},
		{`{"interval":1,"stream":"x","id":"a"}`, `{"id":"a","result":"rejected","stream":"x","reason":"no stream \"x\" here: streams are main, light"}`},
		{`{"interval":1,"device":"other","id":"b"}`, ``},
		{`{"intervall":1,"device":"other","id":"b"}`, ``},
		{``, ``},
	} {
		if got := ack(t, c.Command([]byte(step.payload), false, now)); got != step.want {
			t.Errorf("%s:\n got %s\nwant %s", step.payload, got, step.want)
		}
	}
}

func TestLease(t *testing.T) {
	c := single()
	c.Command([]byte("10"), false, now)
	c.Command([]byte(`{"interval":"500ms","for":"10m"}`), false, now)
	if end, ok := c.Expiry(); !ok || !end.Equal(now.Add(10*time.Minute)) {
		t.Fatalf("expiry %v %v", end, ok)
	}
	if got := c.Expire(now.Add(10*time.Minute - 1)); got != nil {
		t.Errorf("ended early: %v", got)
	}
	// Another lease takes the place of the first; the former interval stays 10 s.
	c.Command([]byte(`{"interval":"250ms","for":60}`), false, now)
	if c.Interval(0) != 250*time.Millisecond {
		t.Errorf("in force: %v", c.Interval(0))
	}
	want := []Change{{0, 10 * time.Second}}
	if got := c.Expire(now.Add(time.Minute)); !cmp.Equal(got, want) {
		t.Errorf("at the end: %v, want %v", got, want)
	}
	if _, ok := c.Expiry(); ok {
		t.Error("a lease still runs")
	}
	// A command without a lease ends a lease that runs.
	c.Command([]byte(`{"interval":"250ms","for":60}`), false, now)
	c.Command([]byte(`4`), false, now)
	if _, ok := c.Expiry(); ok || c.Interval(0) != 4*time.Second {
		t.Errorf("lease runs: %v, in force %v", ok, c.Interval(0))
	}
}

func TestMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "intervals.json")
	c := newControl(Memory{})
	c.Command([]byte(`{"interval":"3s","stream":"main"}`), false, now)
	d := c.Command([]byte(`{"interval":"250ms","for":"1h","stream":"light"}`), false, now)
	if !d.Remember {
		t.Error("not to be remembered")
	}
	if err := SaveMemory(path, c.Memory()); err != nil {
		t.Fatal(err)
	}
	m, err := LoadMemory(path)
	if err != nil {
		t.Fatal(err)
	}
	again := newControl(m)
	if again.Interval(0) != 3*time.Second || again.Interval(1) != slow {
		t.Errorf("after a restart %v and %v, want 3s and %v: a lease does not survive", again.Interval(0), again.Interval(1), slow)
	}
	edited := New("greenhouse", []Stream{{"main", 2 * time.Second}}, Limits{Min: 1, Max: time.Hour}, m)
	if edited.Interval(0) != 2*time.Second {
		t.Errorf("an edited configuration does not win: %v", edited.Interval(0))
	}
	narrowed := New("greenhouse", []Stream{{"main", fast}}, Limits{Min: 1, Max: 2 * time.Second}, m)
	if narrowed.Interval(0) != fast {
		t.Errorf("remembered interval beyond the limits: %v", narrowed.Interval(0))
	}
}

func TestDamagedMemoryIsAnErrorAndEmpty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "intervals.json")
	for _, text := range []string{"", "{", `{"streams":{"main":{"interval":"-"}}}`, "\x00\x00", strings.Repeat(" ", maxMemory+1)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if m, err := LoadMemory(path); err == nil || m.Streams != nil {
			t.Errorf("%.20q: %v, %v", text, m, err)
		}
	}
	if _, err := LoadMemory(filepath.Join(path, "none")); err == nil {
		t.Error("a path through a file is no empty memory")
	}
	if _, err := LoadMemory(path + "-none"); err != nil {
		t.Errorf("no file: %v", err)
	}
}

// A retained command comes without the flag to those who are connected when it
// is sent, and with it at their next connect.
func TestRetainedCommandSentWhileConnected(t *testing.T) {
	c := single()
	c.Command([]byte("5"), false, now)
	c.Command([]byte("1"), false, now)
	c = New("greenhouse", []Stream{{"main", fast}}, Limits{Min: 1, Max: time.Hour}, c.Memory())
	if d := c.Command([]byte("5"), true, now); d.Ack != nil || c.Interval(0) != time.Second {
		t.Errorf("after a restart: %s, in force %v", ack(t, d), c.Interval(0))
	}
	for i := range 2 * seenKept {
		c.Command(fmt.Appendf(nil, "%d", 10+i), false, now)
	}
	if n := len(c.Memory().Seen); n != seenKept {
		t.Errorf("%d commands remembered", n)
	}
}

func TestRetainedCommandIsNotDisplacedByOthers(t *testing.T) {
	c := single()
	c.Command([]byte("7"), true, now)
	for i := range 2 * seenKept {
		c.Command(fmt.Appendf(nil, `{"interval":2,"id":"%d"}`, i), false, now)
	}
	if c.Command([]byte("7"), true, now); c.Interval(0) != 2*time.Second {
		t.Errorf("applied again: %v", c.Interval(0))
	}
}

func TestRetainedCommands(t *testing.T) {
	c := single()
	if d := c.Command([]byte("7"), true, now); len(d.Changes) != 1 {
		t.Fatal("a retained command is not applied")
	}
	c.Command([]byte("9"), false, now)
	if d := c.Command([]byte("7"), true, now); d.Ack != nil || c.Interval(0) != 9*time.Second {
		t.Errorf("applied again at a reconnect: %s, in force %v", ack(t, d), c.Interval(0))
	}
	restarted := New("greenhouse", []Stream{{"main", fast}}, Limits{Min: 1, Max: time.Hour}, c.Memory())
	if restarted.Command([]byte("7"), true, now); restarted.Interval(0) != 9*time.Second {
		t.Errorf("applied again after a restart: %v", restarted.Interval(0))
	}
	if d := c.Command([]byte("8"), true, now); len(d.Changes) != 1 {
		t.Error("another retained command is not applied")
	}
	if d := c.Command([]byte(`{"interval":2,"for":"1m"}`), true, now); d.Ack.Result != Rejected || c.Interval(0) != 8*time.Second {
		t.Errorf("retained lease: %s", ack(t, d))
	}
}

// FuzzCommand: whatever arrives, the interval stays within the limits, a
// rejection changes nothing, and answers are JSON.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{
		`5`, `"2m"`, `default`, `{"interval":"2s","stream":"main","device":"greenhouse","for":"10m","id":"42"}`,
		`1e309`, `-1`, `NaN`, `0`, `٥`, "\x00", `{"interval":{"a":[[[[]]]]}}`, `{"id":1e400,"interval":1}`,
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, payload []byte, retained bool) {
		c := newControl(Memory{})
		before := c.Memory()
		d := c.Command(payload, retained, now)
		for i := range 2 {
			if v := c.Interval(i); v < 100*time.Millisecond || v > 24*time.Hour {
				t.Errorf("in force: %v", v)
			}
		}
		if d.Ack != nil {
			if text := ack(t, d); len(text) > 4*MaxPayload+1000 {
				t.Errorf("answer of %d bytes", len(text))
			}
			if d.Ack.Result == Rejected && (len(d.Changes) > 0 || !cmp.Equal(before.Streams, c.Memory().Streams)) {
				t.Error("rejected and yet changed")
			}
		}
		if end, ok := c.Expiry(); ok && (end.Before(now) || end.Sub(now) > MaxLease) {
			t.Errorf("lease until %v", end)
		}
		if math.IsNaN(c.State(now)["main"].Interval) {
			t.Error("NaN")
		}
	})
}

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hostile are payloads that are no commands.
func hostile() []string {
	list := []string{
		strings.Repeat("5", 1<<20),
		strings.Repeat("\xff", 3<<20),
		`{"interval":1,"id":"` + strings.Repeat("x", 3<<20) + `"}`,
		strings.Repeat("\x00", 3<<20),
		"1" + strings.Repeat(" ", 3<<20), strings.Repeat(" ", 2000) + "1",
		`{"interval":1,"id":"` + strings.Repeat("x", 2000) + `"}`,
		"\x00", "5\x00", "\x005",
		strings.Repeat(`{"interval":`, 80) + "1" + strings.Repeat("}", 80),
		strings.Repeat("[", 1000),
		`{"interval":` + strings.Repeat("[", 900),
		`{"interval":1}{"interval":2}`,
		`{"interval":null}`, `{"interval":true}`, `{"interval":{"interval":1}}`, `{"interval":[1]}`,
		`{"Interval":1e309}`, `{"interval":1,"for":-1}`, `{"interval":1,"stream":1}`, `{"interval":1,`, `{}`,
		"1e309", "-1e309", "1e308", "-1", "0", "-0", "0.0", "1e-300", "NaN", "nan", "+Inf", "Infinity", "null", "true",
		"9223372036854775807", "9223372037", "99999999999999999999h", "-5s", "0s", "1e9h",
		"٥", "５", "Ⅴ", "5,5", "5 s", "0x5", "0b101", "1_000", "five", "--", "\"", "\"5", "'5'",
		"%s%n%d", "$(reboot)", "5;reboot", "../../etc/passwd", "\r\n", " ", "\ufeff5", "5\u202e",
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		p := make([]byte, 8+random.IntN(1500))
		for i := range p {
			p[i] = byte(random.Uint32())
		}
		list = append(list, string(p))
	}
	for range 100 { // what looks more like a command
		p := make([]byte, 8+random.IntN(60))
		for i := range p {
			p[i] = `{}[]",:+-.0123456789eEsmhinterval `[random.IntN(34)]
		}
		list = append(list, string(p))
	}
	return list
}

// Whatever arrives on the control topic, the agent goes on measuring at the
// interval it had.
func TestHostileBytesChangeNothing(t *testing.T) {
	t.Parallel()
	p, c := started(t, weather+"streams: [{interval: 1h}]\n")
	if ack := c.command("0.1"); ack != `{"result":"applied","stream":"main","interval":0.1}` {
		t.Fatal(ack)
	}
	before := resident(t, p)
	for _, payload := range hostile() {
		ack := c.command(payload)
		a := decode[struct {
			Result, Reason string
			Interval       float64
		}](t, []byte(ack))
		if a.Result != "rejected" || a.Reason == "" || a.Interval != 0.1 {
			t.Errorf("%.60q (%d bytes): %s", payload, len(payload), ack)
		}
		if len(ack) > 600 {
			t.Errorf("%.60q: an answer of %d bytes", payload, len(ack))
		}
	}
	c.publish(controlTopic, "", false) // nothing, which needs no answer
	if ack := c.command(`{"interval":0.1,"id":"after"}`); !strings.Contains(ack, `"id":"after","result":"applied"`) {
		t.Errorf("answer to a command after all that: %s", ack)
	}
	after := resident(t, p)
	t.Logf("resident memory: %.1f MB before, %.1f MB after", float64(before)/1e6, float64(after)/1e6)
	// What a message of 3 MB needs while it is read, and what Go keeps of it.
	if limit := 16 << 20; !raceDetector && after > before+limit {
		t.Errorf("resident memory grew from %d to %d bytes", before, after)
	}
	if longest := longestLine(p.stderr.String()); longest > 1000 {
		t.Errorf("a line of %d bytes in the log", longest)
	}

	c.skip(valueTopic)
	for range 5 {
		c.next(valueTopic)
	}
	all := c.messages()
	var gaps []time.Duration
	for i, m := range all[1:] {
		if m.Seq != all[i].Seq+1 {
			t.Errorf("message %d came after message %d", m.Seq, all[i].Seq)
		}
		gaps = append(gaps, m.Timestamp.Sub(all[i].Timestamp))
	}
	// On a busy machine some come late.
	slices.Sort(gaps)
	if median := gaps[len(gaps)/2]; len(gaps) < 10 || median > 300*time.Millisecond {
		t.Errorf("%d messages, mostly %v after the one before", len(all), median)
	}
	p.alive()
	p.stop(syscall.SIGTERM)
}

func longestLine(text string) (most int) {
	for line := range strings.Lines(text) {
		most = max(most, len(line))
	}
	return most
}

// resident returns the resident memory of a process in bytes (proc(5)).
func resident(t *testing.T, p *process) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("no VmRSS in %s", bytes.TrimSpace(text))
	}
	kilobytes, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

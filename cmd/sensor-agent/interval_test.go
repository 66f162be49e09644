package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"sensor-agent/internal/mosquitto"
)

const (
	weather   = "sensors: [{name: sim, driver: simulated}]\n"
	twoStream = weather + `streams:
  - {name: main, topic: iot/sensor/value, interval: 1s}
  - {name: slow, topic: iot/slow/value, interval: 1m}
`
)

// started starts an agent with a fresh mosquitto and a client, and waits for
// its first message.
func started(t *testing.T, config string) (*process, *client) {
	t.Helper()
	m := mosquitto.Start(t)
	c := connect(t, m.URL())
	p := startAgent(t, t.TempDir(), m.URL(), config)
	c.next(valueTopic)
	return p, c
}

// This test is about time, so no other runs beside it. Those of other packages
// do, on a machine that may be slow: one of several attempts has to be in time.
func TestFromTenSecondsToOneTakesOneSecondAtMost(t *testing.T) {
	const attempts = 8
	p, c := started(t, weather+"streams: [{interval: 10s}]\n")
	inTime := func(after time.Duration) bool {
		time.Sleep(after)
		c.skip(valueTopic)
		began := time.Now()
		c.publish(controlTopic, "1", false)
		first := c.next(valueTopic)
		took, second := first.at.Sub(began), c.next(valueTopic).at.Sub(first.at)
		c.command("10")
		t.Logf("command %v after the last reading: first message after %.3f s, the second %.3f s later", after, took.Seconds(), second.Seconds())
		return took <= 1200*time.Millisecond && second >= 700*time.Millisecond && second <= 1300*time.Millisecond
	}
	// How long after the last reading the command comes.
	for _, after := range []time.Duration{0, 400 * time.Millisecond, 900 * time.Millisecond, 2 * time.Second} {
		n := 1
		for ; n <= attempts && !inTime(after); n++ {
		}
		if n > attempts {
			t.Errorf("command %v after the last reading: none of %d times were both messages there in time", after, attempts)
		}
	}
	p.stop(syscall.SIGTERM)
}

func TestEachCommandIsAnswered(t *testing.T) {
	t.Parallel()
	p, c := started(t, twoStream+"control: {min: 100ms, max: 1h}\n")
	for _, step := range []struct{ command, ack string }{
		{"2", `{"result":"applied","interval":2,"intervals":{"main":2,"slow":2}}`},
		{
			`{"interval":"500ms","stream":"main","device":"greenhouse","id":"42"}`,
			`{"id":"42","result":"applied","stream":"main","interval":0.5}`,
		},
		{`{"interval":"default","id":7}`, `{"id":"7","result":"applied","intervals":{"main":1,"slow":60}}`},
		{`{"interval":0.3,"stream":"main"}`, `{"result":"applied","stream":"main","interval":0.3}`},
		// Rejected: nothing changes, and the answer says what is in force.
		{
			`{"interval":"50ms","stream":"main","id":"43"}`,
			`{"id":"43","result":"rejected","stream":"main","interval":0.3,"reason":"interval 50ms is below the minimum 100ms"}`,
		},
		{
			`{"interval":"2h","stream":"main"}`,
			`{"result":"rejected","stream":"main","interval":0.3,"reason":"interval 2h0m0s is above the maximum 1h0m0s"}`,
		},
		{
			`{"interval":1,"stream":"mian","id":"44"}`,
			`{"id":"44","result":"rejected","stream":"mian","reason":"no stream \"mian\" here: streams are main, slow"}`,
		},
		{
			`{"interval":1,"for":"8d","stream":"main"}`,
			`{"result":"rejected","stream":"main","interval":0.3,"reason":"the key \"for\": \"8d\" is not a time above zero: write seconds (5, 0.5) or a duration (500ms, 2m)"}`,
		},
		{
			`{"interval":1,"for":"169h","stream":"main"}`,
			`{"result":"rejected","stream":"main","interval":0.3,"reason":"lease of 169h0m0s is above the maximum 168h0m0s"}`,
		},
		{
			`{"interval":1,"steam":"main","id":"45"}`,
			`{"id":"45","result":"rejected","intervals":{"main":0.3,"slow":60},"reason":"not a command: unknown field \"steam\": keys are interval, stream, device, for and id"}`,
		},
	} {
		if ack := c.command(step.command); ack != step.ack {
			t.Errorf("%s\n got %s\nwant %s", step.command, ack, step.ack)
		}
	}
	c.state("what was applied", func(s told) bool {
		main, slow := s.Streams["main"], s.Streams["slow"]
		return main.Interval == 0.3 && main.Default == 1 && slow.Interval == 60 && slow.Default == 60
	})
	p.stop(syscall.SIGTERM)
}

func TestCommandForAnotherDeviceIsIgnored(t *testing.T) {
	t.Parallel()
	_, c := started(t, weather)
	c.publish(controlTopic, `{"interval":5,"device":"cellar","id":"1"}`, false)
	c.publish(controlTopic, `{"interval":0.05,"device":"cellar","id":"2"}`, false)
	// The answer to what comes after it is the first, and nothing has changed.
	if ack, want := c.command(`{"interval":0.05,"id":"3"}`), `{"id":"3","result":"rejected","stream":"main","interval":1,"reason":"interval 50ms is below the minimum 100ms"}`; ack != want {
		t.Errorf(" got %s\nwant %s", ack, want)
	}
	if acks := c.on(ackTopic); len(acks) != 1 {
		t.Errorf("answers: %v", acks)
	}
}

func TestLeaseEnds(t *testing.T) {
	t.Parallel()
	p, c := started(t, weather+"streams: [{interval: 1h}]\n")
	c.command("30m")
	ack := c.command(`{"interval":"200ms","for":"8s","id":"9"}`)
	a := decode[struct {
		Result   string
		Interval float64
		Until    time.Time
	}](t, []byte(ack))
	if left := time.Until(a.Until); a.Result != "applied" || a.Interval != 0.2 || left < 0 || left > 10*time.Second {
		t.Errorf("answer: %s", ack)
	}
	leased := c.state("the lease", func(s told) bool { return s.Streams["main"].Interval == 0.2 })
	if m := leased.Streams["main"]; m.Default != 3600 || m.Until != a.Until.Format(time.RFC3339) {
		t.Errorf("state during the lease: %+v, answer %s", m, ack)
	}
	// The interval before it returns, which is not the configured one.
	c.inForce(1800)
	ended := c.state("no lease", func(s told) bool { return s.Streams["main"].Until == "" })
	if m := ended.Streams["main"]; m.Default != 3600 {
		t.Errorf("state after the lease: %+v", m)
	}
	p.logs("lease ended")
	time.Sleep(time.Second)
	during, after, _ := strings.Cut(p.stderr.String(), `msg="lease ended"`)
	if n := strings.Count(during, "msg=queued"); n < 10 || n > 50 {
		t.Errorf("%d readings with a lease of 8 s at 200ms", n)
	}
	if n := strings.Count(after, "msg=queued"); n > 1 {
		t.Errorf("%d readings in the second after the lease", n)
	}
}

func TestRetainedCommandIsAppliedOnce(t *testing.T) {
	t.Parallel()
	m := mosquitto.Start(t)
	c := connect(t, m.URL())
	line := newCable(t, m.Addr())
	line.plug()
	c.publish(controlTopic, `{"interval":2,"id":"retained"}`, true)

	home := t.TempDir()
	p := startAgent(t, home, line.url(), weather)
	if ack := string(c.next(ackTopic).Payload); ack != `{"id":"retained","result":"applied","stream":"main","interval":2}` {
		t.Errorf("answer: %s", ack)
	}
	if ack := c.command(`{"interval":0.3,"id":"later"}`); !strings.Contains(ack, `"id":"later","result":"applied"`) {
		t.Errorf("answer: %s", ack)
	}
	// The broker hands the command out again at each connect, and must not
	// undo the later one: neither after a break nor after a restart.
	reconnected := func() {
		t.Helper()
		if ack := c.command(`{"interval":0.01,"id":"probe"}`); !strings.Contains(ack, `"id":"probe","result":"rejected","stream":"main","interval":0.3`) {
			t.Errorf("answer to the first command after a new connection: %s", ack)
		}
	}
	online := len(c.on(statusTopic))
	line.pull()
	line.plug()
	until(t, "the agent is back", func() bool { return count(c.on(statusTopic)[online:], "online") > 0 })
	reconnected()

	p.stop(syscall.SIGTERM)
	online = len(c.on(statusTopic))
	p = startAgent(t, home, line.url(), weather)
	until(t, "the agent is back", func() bool { return count(c.on(statusTopic)[online:], "online") > 0 })
	reconnected()

	// Another one is obeyed.
	p.stop(syscall.SIGTERM)
	c.publish(controlTopic, `{"interval":3,"id":"another"}`, true)
	c.skip(ackTopic)
	startAgent(t, home, line.url(), weather)
	if ack := string(c.next(ackTopic).Payload); ack != `{"id":"another","result":"applied","stream":"main","interval":3}` {
		t.Errorf("answer: %s", ack)
	}
}

func count(list []received, payload string) (n int) {
	for _, r := range list {
		if string(r.Payload) == payload {
			n++
		}
	}
	return n
}

func TestRetainedLeaseIsRefused(t *testing.T) {
	t.Parallel()
	m := mosquitto.Start(t)
	c := connect(t, m.URL())
	c.publish(controlTopic, `{"interval":0.2,"for":"10m","id":"5"}`, true)
	startAgent(t, t.TempDir(), m.URL(), weather)
	ack := string(c.next(ackTopic).Payload)
	if !strings.HasPrefix(ack, `{"id":"5","result":"rejected","stream":"main","interval":1,"reason":"a lease in a retained command`) {
		t.Errorf("answer: %s", ack)
	}
	c.inForce(1)
}

func TestIntervalSurvivesRestartUntilTheConfiguredOneIsEdited(t *testing.T) {
	t.Parallel()
	m := mosquitto.Start(t)
	c := connect(t, m.URL())
	home := t.TempDir()
	config := func(interval, more string) string {
		return weather + fmt.Sprintf("streams: [{interval: %s}]\n%s", interval, more)
	}
	restarted := func(p *process, config string) *process {
		t.Helper()
		if p != nil {
			p.stop(syscall.SIGTERM)
		}
		epoch := uint64(0)
		if all := c.on(stateTopic); len(all) > 0 {
			epoch = decode[told](t, all[len(all)-1].Payload).Epoch
		}
		p = startAgent(t, home, m.URL(), config)
		c.state("a new epoch", func(s told) bool { return s.Epoch > epoch })
		return p
	}
	p := restarted(nil, config("1h", ""))
	c.command("1m")
	p = restarted(p, config("1h", ""))
	c.inForce(60)
	p.logs("going on with the interval of an earlier command", "stream=main", "interval=1m0s")

	c.command(`{"interval":5,"for":"1h"}`) // a lease does not survive
	p.kill()
	p = restarted(nil, config("1h", ""))
	c.inForce(60)

	p = restarted(p, config("2h", "")) // edited: the new one wins
	c.inForce(7200)
	p = restarted(p, config("1h", "")) // edited back: what was forgotten stays so
	c.inForce(3600)

	c.command("2m")
	p = restarted(p, config("1h", "control: {remember: false}\n"))
	c.inForce(3600)
	p.stop(syscall.SIGTERM)
}

func TestEmptyControlTopicSwitchesControlOff(t *testing.T) {
	t.Parallel()
	_, c := started(t, weather+"streams: [{interval: 200ms}]\ncontrol: {topic: \"\"}\n")
	c.publish(controlTopic, "1h", false)
	c.publish("iot/greenhouse/control", "1h", false)
	c.skip(valueTopic)
	for range 10 { // it goes on as before
		c.next(valueTopic)
	}
	c.inForce(0.2)
	if acks := c.on(ackTopic); len(acks) > 0 {
		t.Errorf("answers: %v", acks)
	}
}

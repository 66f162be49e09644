package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"sensor-agent/internal/mosquitto"
)

// absent is a sensor on a bus that no machine has.
const absent = `{name: air, driver: bme280, bus: "97"}`

// An agent needs neither the broker nor its sensors to start. What it measures
// without a broker is delivered when there is one.
func TestStartsWithWhatThereIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		broker, sensor bool // whether it is there
	}{
		{"without broker", false, true},
		{"without sensor", true, false},
		{"without both", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := mosquitto.Start(t)
			consumer := connect(t, m.URL())
			line := newCable(t, m.Addr())
			sensors, stream := `[{name: count, driver: simulated, shape: counter}]`, "[count]"
			if !c.sensor {
				sensors, stream = strings.Replace(sensors, "[", "["+absent+", ", 1), "[air, count]"
			}
			if c.broker {
				line.plug()
			}
			p := startAgent(t, t.TempDir(), line.url(), fmt.Sprintf(`
sensors: %s
streams: [{interval: 100ms, sensors: %s}]
`, sensors, stream))
			queued := lastQueued(p, 10)
			if !c.broker {
				p.logs("no broker", "connecting to "+line.url(), "is it running, and is the port right?")
				line.plug()
			}
			messages := consumer.all(p.epoch(), queued)
			if !c.broker && !messages[1].Replay {
				t.Error("message 1 is not marked as one of the backlog")
			}
			consumer.live(p.epoch())
			first := consumer.on(valueTopic)[0].Payload
			if !c.sensor {
				if text := `"device":"greenhouse","temp":null,"humi":null,"pressure":null,"value":`; !strings.Contains(string(first), text) {
					t.Errorf("message %s\nwithout %s", first, text)
				}
				s := consumer.state("the absent sensor", func(s told) bool { return s.Sensors["air"].Failures > 0 })
				if h := s.Sensors["air"].Health; !strings.Contains(h, "open /dev/i2c-97: no such file or directory: see `ls /dev/i2c-*`") {
					t.Errorf("its health: %s", h)
				}
				p.logs("sensor failing", "sensor=air", "/dev/i2c-97")
			}
			if s := consumer.state("a sensor", func(s told) bool { return s.Sensors["count"].Health == "ok" }); *s.Outbox.Dropped > 0 {
				t.Errorf("%d messages dropped", *s.Outbox.Dropped)
			}
			p.stop(syscall.SIGTERM)
		})
	}
}

// live waits for a message that is not of the backlog.
func (c *client) live(epoch uint64) {
	c.t.Helper()
	until(c.t, "there is a message that is not of the backlog", func() bool {
		return slices.ContainsFunc(c.messages(), func(m message) bool { return m.Epoch == epoch && !m.Replay })
	})
}

// A tick in which nothing could be read makes no message.
func TestNothingMeasuredIsNoMessage(t *testing.T) {
	t.Parallel()
	p, c := started(t, `
sensors: [`+absent+`, {name: count, driver: simulated, shape: counter}]
streams: [{interval: 100ms, sensors: [count]}, {name: cold, topic: iot/cold/value, interval: 100ms, sensors: [air]}]
`)
	for range 10 {
		c.next(valueTopic)
	}
	c.state("the reason", func(s told) bool { return strings.Contains(s.Sensors["air"].Health, "/dev/i2c-97") })
	if got := c.on("iot/cold/value"); len(got) > 0 {
		t.Errorf("messages: %v", got)
	}
	p.stop(syscall.SIGTERM)
}

// Readings of an outage outlive the agent, however it ends.
func TestReadingsOutliveTheAgent(t *testing.T) {
	t.Parallel()
	for _, end := range []struct {
		name  string
		clean bool
	}{{"SIGTERM", true}, {"kill -9", false}} {
		t.Run(end.name, func(t *testing.T) {
			t.Parallel()
			m := mosquitto.Start(t)
			c := connect(t, m.URL())
			line := newCable(t, m.Addr())
			home := t.TempDir()
			config := weather + "streams: [{interval: 50ms}]\n"

			line.plug()
			p := startAgent(t, home, line.url(), config)
			c.all(p.epoch(), 5)
			line.pull()
			last := lastQueued(p, lastQueued(p, 0)+20)
			if end.clean {
				p.stop(syscall.SIGTERM)
				p.logs("messages wait in the outbox for the next start", "held=")
			} else {
				p.kill()
			}
			said := lastQueued(p, last)

			line.plug()
			first := p.epoch()
			p = startAgent(t, home, line.url(), config)
			second := p.epoch()
			if second != first+1 {
				t.Errorf("epoch %d after %d", second, first)
			}
			last = c.start(second).PrevLast
			if last != said && (end.clean || last != said+1) { // the kill may come before the last is said
				t.Errorf("the first run ended with %d, by its log with %d", last, said)
			}
			old := c.all(first, last)
			c.live(second)
			// The very last may be the newest when the connection is made.
			if m := old[last-1]; !m.Replay || m.Device != "greenhouse" {
				t.Errorf("last message but one of the first run: %+v", m)
			}
			for seq := uint64(2); seq <= last; seq++ {
				if gap := old[seq].Timestamp.Sub(old[seq-1].Timestamp); gap <= 0 || gap > patience {
					t.Errorf("message %d was sampled %v after the one before", seq, gap)
				}
			}

			want := []string{
				fmt.Sprintf(`{"type":"start","device":"greenhouse","epoch":%d}`, first),
				fmt.Sprintf(`{"type":"start","device":"greenhouse","epoch":%d,"prev_epoch":%d,"prev_last":%d,"clean":%t}`, second, first, last, end.clean),
			}
			for _, text := range want {
				until(t, "there is the event "+text, func() bool { return count(c.on(eventTopic), text) > 0 })
			}
			for _, r := range c.on(eventTopic) {
				if strings.Contains(string(r.Payload), `"gap"`) {
					t.Errorf("an event tells of a loss: %s", r.Payload)
				}
			}
			p.stop(syscall.SIGTERM)
		})
	}
}

// Two agents with one outbox would send the same readings.
func TestSecondAgentWithTheSameOutboxEnds(t *testing.T) {
	t.Parallel()
	line := newCable(t, "127.0.0.1:1")
	home := t.TempDir()
	p := startAgent(t, home, line.url(), weather)
	p.logs("queued")
	second := startAgent(t, home, line.url(), weather)
	if code := second.wait(patience); code != 69 {
		t.Errorf("exit code %d", code)
	}
	second.logs("end that one first, or set another outbox.dir")
	p.alive()
}

// A directory that cannot be used is no reason not to measure.
func TestOutboxDirectoryThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	m := mosquitto.Start(t)
	c := connect(t, m.URL())
	home := t.TempDir()
	file := write(t, home, "file", "")
	p := startAgent(t, home, m.URL(), weather+"outbox: {dir: "+file+"/outbox}\n")
	p.logs("level=ERROR", "messages are held in memory only", file)
	c.all(p.epoch(), 1)
	c.state("an outbox that cannot be used", func(s told) bool { return strings.Contains(s.Outbox.Health, file) })
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	p.logs("outbox can be written again")
	before := len(c.on(valueTopic))
	c.state("one that can", func(s told) bool { return s.Outbox.Health == "" })
	if n := len(c.on(valueTopic)) - before; n > 10 {
		t.Errorf("the state says so %d readings later", n)
	}
	p.stop(os.Interrupt)
}

var queuedLine = regexp.MustCompile(`msg=queued stream=main epoch=(\d+) seq=(\d+)\n`)

// lastQueued waits until a message with a seq of at least the given one is in
// the outbox, and returns the last seq there.
func lastQueued(p *process, least uint64) (last uint64) {
	p.t.Helper()
	until(p.t, fmt.Sprintf("%d messages are in the outbox", least), func() bool {
		all := queuedLine.FindAllStringSubmatch(p.stderr.String(), -1)
		if len(all) == 0 {
			return false
		}
		last, _ = strconv.ParseUint(all[len(all)-1][2], 10, 64)
		return last >= least
	})
	return last
}

// epoch returns the epoch of an agent's run, from its log.
func (p *process) epoch() uint64 {
	p.t.Helper()
	_, after, _ := strings.Cut(p.logs("device=greenhouse", "epoch="), "epoch=")
	digits, _, _ := strings.Cut(after, " ")
	epoch, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return epoch
}

// start waits for the event that begins an epoch.
func (c *client) start(epoch uint64) (e startEvent) {
	c.t.Helper()
	until(c.t, fmt.Sprintf("epoch %d is begun by an event", epoch), func() bool {
		return slices.ContainsFunc(c.on(eventTopic), func(r received) bool {
			e = decode[startEvent](c.t, r.Payload)
			return e.Type == "start" && e.Epoch == epoch
		})
	})
	return e
}

// startEvent is the part of an event that these tests are about.
type startEvent struct {
	Type     string
	Epoch    uint64
	PrevLast uint64 `json:"prev_last"`
}

// all waits until each message of an epoch up to a seq has come, and returns
// them by their seq.
func (c *client) all(epoch, last uint64) map[uint64]message {
	c.t.Helper()
	bySeq := map[uint64]message{}
	until(c.t, fmt.Sprintf("all of the messages 1 to %d of epoch %d are there", last, epoch), func() bool {
		for _, m := range c.messages() {
			if m.Epoch == epoch && m.Seq <= last {
				bySeq[m.Seq] = m
			}
		}
		return uint64(len(bySeq)) == last
	})
	return bySeq
}

package failover

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sensor-agent/internal/consumer"
	"sensor-agent/internal/need"
	"sensor-agent/publisher"
)

const (
	valueTopic  = "iot/sensor/value"
	statusTopic = "iot/greenhouse/status"
)

// A message is what a subscriber was sent, and when.
type message struct {
	id
	Replay  bool
	at      time.Time
	topic   string
	payload string
}

// subscriber is a mosquitto_sub with a session that the broker keeps, at
// QoS 1: what comes while it is away waits for it, if the broker can keep it.
type subscriber struct {
	t       *testing.T
	process *os.Process

	mu      sync.Mutex
	got     []message     // readings and status, in the order they came
	has     map[id]string // readings: what they said
	changed []string      // readings that came again and said something else
	rule    consumer.Checker
}

// subscribe starts a subscriber; it is killed when the test ends.
func subscribe(t *testing.T, port int) *subscriber {
	t.Helper()
	args := []string{"-p", strconv.Itoa(port), "-V", "mqttv311", "-c", "-i", "watcher", "-q", "1", "-t", "iot/#"}
	name := need.Program(t, "mosquitto_sub", "mosquitto-clients")
	// From here on there is a session.
	if out, err := exec.Command(name, append(args, "-E", "-W", "60")...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	cmd := exec.Command(name, append(args, "-F", "%U %t %p")...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &subscriber{t: t, process: cmd.Process, has: map[id]string{}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.read(out)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	return s
}

func (s *subscriber) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

func (s *subscriber) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		at, rest, _ := strings.Cut(lines.Text(), " ")
		topic, payload, _ := strings.Cut(rest, " ")
		seconds, nanos, _ := strings.Cut(at, ".")
		sec, err := strconv.ParseInt(seconds, 10, 64)
		nsec, err2 := strconv.ParseInt(nanos, 10, 64)
		if err != nil || err2 != nil {
			s.t.Errorf("mosquitto_sub says %q", lines.Text())
			continue
		}
		s.receive(message{at: time.Unix(sec, nsec), topic: topic, payload: payload})
	}
}

func (s *subscriber) receive(m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rule.Receive([]byte(m.payload))
	switch m.topic {
	case valueTopic:
		if err := json.Unmarshal([]byte(m.payload), &m); err != nil {
			s.t.Errorf("%s: %v", m.payload, err)
		}
		// The same reading says the same, whenever it is sent.
		says := strings.Replace(m.payload, `,"replay":true`, "", 1)
		if before, again := s.has[m.id]; again && before != says {
			s.changed = append(s.changed, before+" then "+says)
		}
		s.has[m.id] = says
	case statusTopic:
	default:
		return
	}
	s.got = append(s.got, m)
}

// missing returns how many of the readings have not come.
func (s *subscriber) missing(taken []id) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range taken {
		if _, ok := s.has[id]; !ok {
			n++
		}
	}
	return n
}

// messages returns what came on a topic after an instant.
func (s *subscriber) messages(topic string, since time.Time) (list []message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.got {
		if m.topic == topic && m.at.After(since) {
			list = append(list, m)
		}
	}
	return list
}

// await waits for the first readings.
func (s *subscriber) await(n int) {
	s.t.Helper()
	until(s.t, fmt.Sprintf("%d readings have come", n), func() bool {
		return len(s.messages(valueTopic, time.Time{})) >= n
	})
}

// resumed waits for a reading that the agent took after an instant, and
// returns when the first of them came.
func (s *subscriber) resumed(a *agent, since time.Time) (at time.Time) {
	s.t.Helper()
	until(s.t, "new readings come", func() bool {
		last := a.lastBefore(since)
		for _, m := range s.messages(valueTopic, since) {
			if m.Epoch == last.Epoch && m.Seq > last.Seq {
				at = m.at
				return true
			}
		}
		return false
	})
	return at
}

// longestGap is the longest time without a reading after an instant.
func (s *subscriber) longestGap(since time.Time) (gap time.Duration) {
	for _, m := range s.messages(valueTopic, since) {
		gap = max(gap, m.at.Sub(since))
		since = m.at
	}
	return gap
}

// settle waits until there is no backlog, stops the agent and compares its log
// with what came. What a stop cannot send in five seconds, on a machine that is
// slow, the agent leaves to the next, and says so.
func (s *subscriber) settle(a *agent) {
	s.t.Helper()
	var taken []id
	for starts := 1; ; starts++ {
		s.catchUp(a)
		s.awaitStatus(publisher.Online)
		a.stop()
		taken = append(taken, a.taken()...)
		if !a.left() || starts == 4 {
			break
		}
		s.t.Logf("once more, for what was left: %d readings have not come", s.missing(taken))
		a = run(s.t, a.config)
	}
	until(s.t, fmt.Sprintf("all of %d readings have come", len(taken)), func() bool { return s.missing(taken) == 0 })
	s.awaitStatus(publisher.Offline)
	s.mu.Lock()
	defer s.mu.Unlock()
	if came := len(s.has); came != len(taken) {
		s.t.Errorf("%d readings have come, %d were taken", came, len(taken))
	}
	for _, text := range s.changed {
		s.t.Errorf("the same reading says %s", text)
	}
	s.t.Logf("by the consumer's rule: %s", s.rule.Summary())
}

// catchUp waits until the backlog has come, of which an agent that stops sends
// nothing any more: what was taken before it had the connection it has now. And
// no more is under way than can be sent while it stops.
func (s *subscriber) catchUp(a *agent) {
	s.t.Helper()
	const (
		begins = time.Second // what was taken after it was certainly sent at once
		few    = 25
	)
	until(s.t, "the backlog has come", func() bool {
		last, ok := a.connected()
		live := last.Time.Add(begins)
		return ok && time.Now().After(live) && s.missing(a.takenBefore(live)) == 0 && s.missing(a.taken()) <= few
	})
}

// awaitStatus waits until the last status that came is the given one.
func (s *subscriber) awaitStatus(status string) {
	s.t.Helper()
	until(s.t, "the status is "+status, func() bool {
		all := s.messages(statusTopic, time.Time{})
		return len(all) > 0 && all[len(all)-1].payload == status
	})
}

// inOrder fails the test if new readings have overtaken others in their lane.
func (s *subscriber) inOrder() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.rule.Counts().Reordered; n > 0 {
		s.t.Errorf("%d readings came out of order", n)
	}
}

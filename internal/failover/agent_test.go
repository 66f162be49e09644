// Package failover holds the program, as it is installed, to its promise while
// the broker fails in the ways that brokers do: nodes of a cluster are killed,
// a service is restarted, a process hangs, a network swallows everything, a
// subscriber is slow. Every reading that the agent's log says was taken must
// reach an independent subscriber, whose session the broker keeps; what
// arrives twice must be recognisable.
//
// Some of it takes its time, as the agent's patience is in seconds, so the
// tests run beside each other.
package failover

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the path of the built agent.
var program string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sensor-agent-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "sensor-agent")
	args := []string{"build", "-o", program}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "sensor-agent/cmd/sensor-agent")...)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the agent: %v\n%s", err, out)
		return 1
	}
	// The tests wait more than they work, so more of them can run at once than
	// there are processors. -parallel still has the last word.
	if err := flag.Set("test.parallel", "16"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// An id is what a reading is told by, of one device.
type id struct{ Epoch, Seq uint64 }

// A line is what the agent's log says of the things these tests are about.
type line struct {
	id
	Time   time.Time
	Level  string
	Msg    string
	Broker string
	Err    string
}

// agent is a run of the program.
type agent struct {
	t      *testing.T
	config string // its file
	cmd    *exec.Cmd
	ended  chan struct{}

	mu     sync.Mutex
	queued []line // what it has taken
	said   []line // the rest of its log
	plain  []string
}

// load is the interval of a stream under load: 50 readings a second.
const load = 20 * time.Millisecond

// startAgent starts an agent with one stream of simulated weather. It is
// killed when the test ends.
func startAgent(t *testing.T, interval time.Duration, outbox string, brokers ...string) *agent {
	t.Helper()
	const config = `device: greenhouse
clock: always
mqtt: {brokers: [%s]}
streams: [{topic: %s, interval: %v}]
sensors: [{driver: simulated}]
outbox: {%s}
`
	path := filepath.Join(t.TempDir(), "config.yaml")
	text := fmt.Sprintf(config, strings.Join(brokers, ", "), valueTopic, interval, outbox)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return run(t, path)
}

// run starts an agent with a configuration.
func run(t *testing.T, config string) *agent {
	t.Helper()
	a := &agent{t: t, config: config, ended: make(chan struct{})}
	a.cmd = exec.Command(program, "run", "--config", config, "--log-level", "debug", "--log-format", "json")
	log, err := a.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(a.ended)
		a.read(log)
		_ = a.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = a.cmd.Process.Kill()
		<-a.ended
		if t.Failed() || len(a.plain) > 0 {
			t.Errorf("the agent said:\n%s", a.story())
		}
	})
	return a
}

// ownOutbox is a new outbox.
func ownOutbox(t *testing.T) string { return fmt.Sprintf("dir: %q", t.TempDir()) }

// read takes the log to its end. What is not of the log is a panic or a data race.
func (a *agent) read(log io.Reader) {
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var l line
		err := json.Unmarshal(lines.Bytes(), &l)
		a.mu.Lock()
		switch {
		case err != nil:
			a.plain = append(a.plain, lines.Text())
		case l.Msg == "queued":
			a.queued = append(a.queued, l)
		default:
			a.said = append(a.said, l)
		}
		a.mu.Unlock()
	}
}

// story is what the agent said, but for readings.
func (a *agent) story() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b strings.Builder
	for _, l := range a.said {
		fmt.Fprintln(&b, l.Time.Format("15:04:05.000"), l.Level, l.Msg, l.Broker, l.Err)
	}
	return b.String() + strings.Join(a.plain, "\n")
}

// taken returns the readings that the agent has taken so far.
func (a *agent) taken() []id { return a.takenBefore(time.Now()) }

// takenBefore returns the readings that the agent took before an instant.
func (a *agent) takenBefore(at time.Time) (ids []id) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.queued {
		if l.Time.Before(at) {
			ids = append(ids, l.id)
		}
	}
	return ids
}

// connected returns what the agent said of the connection it has now; false if
// it has none.
func (a *agent) connected() (last line, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.said {
		switch l.Msg {
		case "connected":
			last, ok = l, true
		case "connection lost":
			ok = false
		}
	}
	return last, ok
}

// lastBefore returns the last reading that was taken before an instant.
func (a *agent) lastBefore(at time.Time) (last id) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.queued {
		if l.Time.Before(at) {
			last = l.id
		}
	}
	return last
}

// says waits for a line of the log that is younger than since.
func (a *agent) says(msg string, since time.Time) line {
	a.t.Helper()
	var found line
	until(a.t, "the agent says "+msg, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, l := range a.said {
			if l.Msg == msg && l.Time.After(since) {
				found = l
				return true
			}
		}
		return false
	})
	return found
}

// left reports whether an agent that has ended said that it leaves something to
// the next.
func (a *agent) left() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.said, func(l line) bool { return l.Msg == "messages wait in the outbox for the next start" })
}

// stop ends the agent as a service manager does.
func (a *agent) stop() {
	a.t.Helper()
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		a.t.Fatal(err)
	}
	select {
	case <-a.ended:
	case <-time.After(patience):
		a.t.Fatal("the agent does not end")
	}
	if code := a.cmd.ProcessState.ExitCode(); code != 0 {
		a.t.Errorf("exit code %d", code)
	}
}

// patience is how long a test waits for what must happen. The agent may pause
// for a minute between two rounds of brokers that do not answer.
const patience = 4 * time.Minute

func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	untilWithin(t, patience, what, condition)
}

func untilWithin(t *testing.T, d time.Duration, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(d); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %v until %s", d, what)
		}
	}
}

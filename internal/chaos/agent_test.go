package chaos

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// An agent is the real program, started again whenever it ends, as systemd
// does. What it says of readings taken goes into the ledger.
type agent struct {
	program, config string
	ledger          *ledger
	pause           func() time.Duration // between an end and the next start

	mu       sync.Mutex
	process  *os.Process // the last one started
	signals  []os.Signal // sent to it
	asked    time.Time   // when it was last asked to end
	epoch    uint64      // that it said it had begun
	last     bool        // it is not started again
	starts   int
	killed   int           // the last of the starts that a SIGKILL was sent to
	kills    int           // how often it died of SIGKILL
	slowest  time.Duration // from being asked to its end
	problems []string
	done     chan struct{}
}

// Topics of the two streams, fifty readings a second together.
const (
	fastTopic  = "chaos/fast"
	slowTopic  = "chaos/slow"
	eventTopic = "iot/chaos/event"
)

const configuration = `
device: chaos
clock: always
mqtt: {brokers: [%q], client_id: chaos}
streams:
  - {name: fast, topic: ` + fastTopic + `, interval: 25ms, sensors: [count]}
  - {name: slow, topic: ` + slowTopic + `, interval: 100ms, sensors: [count, weather]}
sensors:
  - {name: count, driver: simulated, shape: counter}
  - {name: weather, driver: simulated}
outbox: {dir: %q}
log: {level: debug, format: json}
`

// startAgent builds the agent and starts it. Between two starts it pauses.
func startAgent(t *testing.T, l *ledger, broker, outbox string, pause func() time.Duration) *agent {
	t.Helper()
	dir := t.TempDir()
	a := &agent{
		program: filepath.Join(dir, "sensor-agent"), config: filepath.Join(dir, "config.yaml"),
		ledger: l, pause: pause, done: make(chan struct{}),
	}
	touch(t, "../..")
	if out, err := exec.Command("go", "build", "-o", a.program, "sensor-agent/cmd/sensor-agent").CombinedOutput(); err != nil {
		t.Fatalf("building the agent: %v\n%s", err, out)
	}
	if err := os.WriteFile(a.config, fmt.Appendf(nil, configuration, broker, outbox), 0o600); err != nil {
		t.Fatal(err)
	}
	go a.keep()
	t.Cleanup(func() {
		a.end(syscall.SIGKILL)
		<-a.done
	})
	return a
}

// shortly is a short pause.
func shortly() time.Duration { return 100 * time.Millisecond }

// touch looks at every Go file, so that Go's cache of passed tests knows that
// the result depends on them: what the build reads it does not see.
func touch(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".go") {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// keep runs the agent again and again until it is ended.
func (a *agent) keep() {
	defer close(a.done)
	for a.once() {
		time.Sleep(a.pause())
	}
}

// once runs the agent and reports whether it is to be started again.
func (a *agent) once() bool {
	cmd := exec.Command(a.program, "run", "--config", a.config)
	log, err := cmd.StderrPipe()
	a.mu.Lock()
	if a.last {
		a.mu.Unlock()
		return false
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		a.problems = append(a.problems, err.Error())
		a.mu.Unlock()
		return false
	}
	a.process, a.signals, a.epoch = cmd.Process, nil, 0
	a.starts++
	a.mu.Unlock()

	a.listen(log)
	err = cmd.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	died := cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() // -1 if it ended
	asked := slices.Contains(a.signals, os.Signal(syscall.SIGTERM))
	switch {
	case err == nil && !asked, err != nil && !slices.Contains(a.signals, os.Signal(died)):
		a.problems = append(a.problems, fmt.Sprintf("the agent ended by itself: %v", cmd.ProcessState))
	case err == nil:
		a.slowest = max(a.slowest, time.Since(a.asked))
	case died == syscall.SIGKILL:
		a.kills++
	}
	if asked && a.epoch > 0 {
		a.ledger.ended(a.epoch, err == nil)
	}
	return !a.last
}

// signal sends a signal to the agent, if it runs.
func (a *agent) signal(s os.Signal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.process == nil {
		return
	}
	a.signals = append(a.signals, s)
	switch s {
	case syscall.SIGTERM:
		a.asked = time.Now()
	case syscall.SIGKILL:
		a.killed = a.starts
	}
	_ = a.process.Signal(s) // it may have ended
}

// begun returns the epoch of the agent that runs; 0 if it has not said so yet,
// or has been killed.
func (a *agent) begun() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.killed == a.starts {
		return 0
	}
	return a.epoch
}

// end sends a signal to the agent and does not start it again.
func (a *agent) end(s os.Signal) {
	a.mu.Lock()
	a.last = true
	a.mu.Unlock()
	a.signal(s)
}

// wait waits for the end of an agent that has been asked to end.
func (a *agent) wait(t *testing.T) {
	t.Helper()
	select {
	case <-a.done:
	case <-time.After(patience):
		t.Error("the agent does not end")
		a.end(syscall.SIGKILL)
		<-a.done
	}
}

// listen reads the log of the agent until it ends. A line that is cut off by
// its death was not said.
func (a *agent) listen(log io.Reader) {
	for r := bufio.NewReader(log); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		var said struct {
			Level, Msg string
			Epoch, Seq uint64
		}
		err = json.Unmarshal([]byte(line), &said)
		if said.Msg == "queued" {
			a.ledger.held(number{said.Epoch, said.Seq})
			continue
		}
		a.mu.Lock()
		if strings.HasPrefix(said.Msg, "sensor-agent") {
			a.epoch = said.Epoch
		}
		if (err != nil || said.Level == "ERROR") && len(a.problems) < 100 {
			a.problems = append(a.problems, strings.TrimSpace(line))
		}
		a.mu.Unlock()
	}
}

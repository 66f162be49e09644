// Package powercut cuts the power under the real agent, time and again, and
// counts what that costs: with `sync: lazy` nothing that had waited for a
// second, with `sync: each` nothing at all. And it measures what the outbox
// makes the card write.
//
// The disk is the test's own (device): it knows what has been flushed, so its
// content can be taken as a power cut at this instant would leave it, and the
// next agent starts on that. The broker is the test's own as well (sink), so
// what was delivered is known exactly. The agent and the kernel are real:
//
//	agent ── ext4 ── loop device ── FUSE file ── device ── cut ── device ── …
//	   └──── sink
//
// This needs root, and more time than a test should take, so it runs only when
// asked to: make powercut. What a disk does that lies about flushes, or loses
// what it had long before the cut, is not tested.
package powercut

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"sensor-agent/internal/need"
	"sensor-agent/publisher/outbox"
)

var (
	cuts = flag.Int("cuts", 0, "power cuts for each sync policy, with the broker up and with it up and down")
	wear = flag.Duration("wear", 0, "how long to measure what is written")
	seed = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of everything random but time itself")
)

// program is the path of the built agent.
var program string

// The test's own program is started in other roles too: by the test itself, in a
// mount namespace where whatever it mounts is gone when it ends, however it
// ends; and by that, to keep a disk, or to become an agent without flushes.
const (
	envRole      = "SENSOR_AGENT_POWERCUT_ROLE"
	roleInside   = "inside"
	roleKeeper   = "keeper"
	roleUnsynced = "unsynced"
)

func TestMain(m *testing.M) {
	switch role := os.Getenv(envRole); role {
	case roleKeeper:
		exit(keepDisk(os.Args[1], os.Args[2]))
	case roleUnsynced:
		os.Unsetenv(envRole)
		exit(unsynced(os.Args[1:]))
	case roleInside:
		os.Exit(buildAndRun(m))
	}
	flag.Parse()
	if (*cuts > 0 || *wear > 0) && os.Geteuid() == 0 {
		if code, ok := inside(); ok {
			os.Exit(code)
		}
	}
	os.Exit(m.Run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// inside runs the test in a mount namespace of its own. It is not ok if there can
// be none.
func inside() (code int, ok bool) {
	runtime.LockOSThread() // Pdeathsig goes by the thread
	cmd := exec.Command("/proc/self/exe", append(os.Args[1:], fmt.Sprintf("-seed=%d", *seed))...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), envRole+"="+roleInside)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "a mount namespace:", err)
		return 0, false
	}
	return cmd.ProcessState.ExitCode(), true
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "powercut-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "sensor-agent")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/sensor-agent").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the agent: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// ready skips a test that this machine cannot run, or fails it, as package need
// does.
func ready(t *testing.T) {
	t.Helper()
	need.Root(t)
	var errs []error
	if os.Getenv(envRole) != roleInside {
		errs = append(errs, errors.New("no leave to mount anything"))
	}
	for _, path := range []string{"/dev/fuse", "/dev/loop-control"} {
		_, err := os.Stat(path)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		need.Lacking(t, "FUSE, loop devices and mounts are needed: %v", err)
	}
}

func TestPowerCut(t *testing.T) {
	if *cuts == 0 {
		t.Skip("runs when asked to: make powercut")
	}
	ready(t)
	t.Parallel()
	for _, c := range []struct {
		name   string
		policy outbox.Sync
		flaky  bool
		atRisk time.Duration // only readings queued later than this before the cut may be lost
	}{
		{"lazy, broker up", outbox.Lazy, false, time.Second},
		{"lazy, broker down half of the time", outbox.Lazy, true, time.Second},
		{"each, broker up", outbox.Each, false, 0},
		{"each, broker down half of the time", outbox.Each, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t, c.policy)
			hasty := true
			for range *cuts {
				most := 4 * time.Second
				if hasty = !hasty && tr.rnd.IntN(3) == 0; hasty { // maybe before the agent is ready
					most = 300 * time.Millisecond
				}
				tr.run(t, hasty, func(k *disk, _ *agent) { tr.live(t, k, most, c.flaky) })
			}
			tr.run(t, false, func(*disk, *agent) {})
			for i, l := range tr.losses() {
				atRisk := c.atRisk
				if atRisk > 0 {
					atRisk += l.stalled // by so much a flush can have come late
				}
				if l.readings > 0 && l.oldest >= atRisk {
					t.Errorf("cut %d: %d readings are lost, the first was queued %v before; the machine stood still for %v", i+1, l.readings, l.oldest, l.stalled)
				}
			}
			tr.checkTruth(t)
			t.Log(tr.summary())
		})
	}
}

// TestWithoutSync runs agents whose flushes do nothing. That this is noticed is
// what gives the other test its meaning.
func TestWithoutSync(t *testing.T) {
	if *cuts == 0 {
		t.Skip("runs when asked to: make powercut")
	}
	ready(t)
	t.Parallel()
	for _, policy := range []outbox.Sync{outbox.Lazy, outbox.Each} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t, policy)
			tr.unsynced = true
			tr.sink.down()
			tr.run(t, true, func(_ *disk, a *agent) {
				// ext4 itself flushes after five seconds.
				if !eventually(func() bool { return a.age() > 2500*time.Millisecond }) {
					t.Errorf("no readings: %s", a.text())
				}
			})
			tr.unsynced = false
			tr.run(t, false, func(*disk, *agent) {})
			if l := tr.losses()[0]; l.oldest <= time.Second {
				t.Errorf("no reading that had waited for a second is lost: %+v", l)
			}
			t.Log(tr.summary())
		})
	}
}

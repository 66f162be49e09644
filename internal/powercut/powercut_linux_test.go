// Package powercut cuts the power under the real agent, time and again, and
// counts what that costs: with `sync: lazy` nothing that had been waiting for a
// second, with `sync: each` nothing at all. And it measures what the outbox
// writes to the card.
//
// Only the agent and the kernel are real. The disk is served by the test (see
// device): it knows what was flushed and what was not, so that its content as
// a power cut at this very instant would leave it can be taken, and the next
// agent starts from that. The broker is the test as well (see sink), so that
// what was delivered is known exactly.
//
//	agent ── ext4 ── loop device ── FUSE file ── device ── image after the cut ── device …
//	   └── MQTT ── sink
//
// It needs root, and minutes rather than seconds, so it runs only when it is
// asked for: make powercut.
package powercut

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sensor-agent/internal/need"
	"sensor-agent/publisher/outbox"
)

var (
	cuts = flag.Int("cuts", 0, "power cuts per sync policy and broker")
	seed = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of all that is random but the kernel's timing")
	wear = flag.Duration("wear", 0, "how long to measure what is written")
)

// The test program has three roles: it starts itself again in a mount namespace
// of its own, so that nothing stays mounted however the test ends; and to run an
// agent without flushes.
const (
	envRole      = "SENSOR_AGENT_POWERCUT_ROLE"
	roleInside   = "inside"
	roleUnsynced = "unsynced"
)

func TestMain(m *testing.M) {
	switch role := os.Getenv(envRole); {
	case role == roleUnsynced:
		os.Unsetenv(envRole)
		fmt.Fprintln(os.Stderr, unsynced(os.Args[1:]))
		os.Exit(1)
	case role == "" && os.Geteuid() == 0:
		os.Exit(inside())
	}
	os.Exit(m.Run())
}

func inside() int {
	runtime.LockOSThread() // Pdeathsig goes by the thread
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), envRole+"="+roleInside)
	cmd.SysProcAttr = &unix.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	if err := cmd.Run(); cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "a mount namespace:", err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// ready prepares a test with the rig: it skips where that cannot be built.
func ready(t *testing.T) (program string, empty []byte) {
	t.Helper()
	need.Root(t)
	t.Logf("-seed %d", *seed)
	return build(t), format(t)
}

func TestPowerCut(t *testing.T) {
	if *cuts == 0 {
		t.Skip("runs only when asked to: make powercut")
	}
	program, empty := ready(t)
	for _, c := range []struct {
		name   string
		policy outbox.Sync
		flaky  bool
		atRisk time.Duration // a reading that is lost was queued no longer ago than this
	}{
		{"lazy, broker up", outbox.Lazy, false, time.Second},
		{"lazy, broker down half of the time", outbox.Lazy, true, time.Second},
		{"each, broker up", outbox.Each, false, 0},
		{"each, broker down half of the time", outbox.Each, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newTrial(t, program, c.policy, empty)
			for range *cuts {
				most, hasty := 3*time.Second, r.rnd.IntN(4) == 0
				if hasty {
					most = 500 * time.Millisecond
				}
				r.run(t, hasty, func(dir string) { r.live(t, dir, most, c.flaky) })
			}
			r.run(t, false, func(string) {})
			for i, l := range r.losses() {
				if l.readings > 0 && l.oldest >= c.atRisk {
					t.Errorf("cut %d: %d readings are lost, the oldest queued %v before", i+1, l.readings, l.oldest)
				}
			}
			r.checkTold(t)
			t.Log(r.summary())
		})
	}
}

// TestWithoutSync runs agents whose flushes do nothing: if that went unnoticed,
// the other test would mean nothing.
func TestWithoutSync(t *testing.T) {
	if *cuts == 0 {
		t.Skip("runs only when asked to: make powercut")
	}
	program, empty := ready(t)
	for _, policy := range []outbox.Sync{outbox.Lazy, outbox.Each} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			r := newTrial(t, program, policy, empty)
			r.unsynced = true
			r.sink.down()
			r.run(t, true, func(string) { time.Sleep(3 * time.Second) }) // ext4 itself flushes after five
			r.unsynced = false
			r.run(t, false, func(string) {})
			if r.losses()[0].oldest <= time.Second {
				t.Error("nothing that was older than a second is missed")
			}
			t.Log(r.summary())
		})
	}
}

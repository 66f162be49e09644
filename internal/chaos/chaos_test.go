// Package chaos has the real agent killed again and again, behind a network
// and a broker that fail in every way, and accounts for every reading.
//
// The agent says in its log what it has taken; from then on it owes it. What
// arrived is known from a broker that writes it down before it acknowledges
// it. Between the two nothing may be missing, out of order within its lane, or
// come again as something else.
//
// CHAOS_TIME=10m makes the run as long, CHAOS_SEED=7 repeats its plan.
package chaos

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sensor-agent/internal/consumer"
)

// settings returns how long to run, and by what plan.
func settings(t *testing.T) (total time.Duration, seed uint64) {
	t.Helper()
	total, seed = 20*time.Second, rand.Uint64()
	var err error
	if text := os.Getenv("CHAOS_TIME"); text != "" {
		if total, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	if text := os.Getenv("CHAOS_SEED"); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("CHAOS_TIME=%v CHAOS_SEED=%d", total, seed)
	return total, seed
}

func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	total, seed := settings(t)
	r := rand.New(rand.NewPCG(seed, 1))
	plan := newPlan(r, total)

	l := newLedger()
	var rule consumer.Checker
	var mu sync.Mutex
	sink := startSink(t, func(conn int, m message) {
		mu.Lock()
		defer mu.Unlock()
		l.note(conn, m)
		rule.Receive(m.payload)
	})
	proxy := startProxy(t, sink.addr, nil)
	pauses := rand.New(rand.NewPCG(seed, 2))
	a := startAgent(t, l, proxy.url(), filepath.Join(t.TempDir(), "outbox"), func() time.Duration {
		return randomly(pauses, 500*time.Millisecond)
	})

	// One fault whose effect is certain, whatever the plan brings.
	waitFor(t, "readings arrive", func() bool { return l.heard(a.begun()) })
	proxy.begin(deaf)
	waitFor(t, "acknowledgements are lost", func() bool { return proxy.hits(deaf) >= 20 })
	if err := proxy.end(deaf); err != nil {
		t.Fatal(err)
	}

	began := time.Now()
	var running sync.WaitGroup
	for _, s := range plan {
		time.Sleep(time.Until(began.Add(s.at)))
		running.Go(func() {
			if err := do(s, a, proxy, sink); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()

	// All is well again. Whatever the agent was waiting for it need not wait
	// for when it has just been started.
	a.signal(syscall.SIGKILL)
	waitFor(t, "everything has arrived", func() bool { return l.heard(a.begun()) && l.missing() == 0 })
	a.end(syscall.SIGTERM)
	a.wait(t)

	sum, problems := l.close()
	t.Log(summary(plan, proxy, a, sum))
	for _, p := range append(problems, a.problems...) {
		t.Error(p)
	}
	mu.Lock()
	defer mu.Unlock()
	if c := rule.Counts(); c.Missing > 0 || c.Readings != sum.Arrived || c.Duplicates != sum.Duplicates {
		t.Errorf("by the consumer's rule: %s", rule.Summary())
	}
	if sum.Duplicates == 0 || sum.Replayed == 0 {
		t.Errorf("the faults have had no effect: %+v", sum)
	}
}

// do does one step of a plan.
func do(s step, a *agent, p *proxy, broker *sink) error {
	switch s.what {
	case agentKilled:
		a.signal(syscall.SIGKILL)
	case agentEnded:
		a.signal(syscall.SIGTERM)
	case brokerDies:
		broker.down()
		time.Sleep(s.lasts)
		return broker.up()
	default:
		return p.inject(s.what, s.lasts)
	}
	return nil
}

func summary(plan []step, p *proxy, a *agent, sum account) string {
	counts := map[fault]int{}
	for _, s := range plan {
		counts[s.what]++
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%d readings, %d lost, %d reordered, %d changed\n", sum.Held, sum.Lost, sum.Reordered, sum.Changed)
	fmt.Fprintf(&b, "%d duplicates (%.1f %%), %d of the backlog; longest silence %v\n",
		sum.Duplicates, 100*float64(sum.Duplicates)/float64(max(1, sum.Arrived)), sum.Replayed, sum.Silence.Round(time.Millisecond))
	fmt.Fprintf(&b, "%d starts of the agent, %d times killed, slowest end %v; %d connections\n",
		a.starts, a.kills, a.slowest.Round(time.Millisecond), p.carried)
	for _, f := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "%4d × %-12s", counts[f], f)
		if hit := p.hit[f]; hit > 0 {
			fmt.Fprintf(&b, " hit %d", hit)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// patience is how long a test waits for what must happen on a busy machine. The
// agent may pause for a minute between two attempts to connect.
const patience = 3 * time.Minute

// waitFor waits until something is so.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("waited %v in vain until %s", patience, what)
			return
		}
	}
}

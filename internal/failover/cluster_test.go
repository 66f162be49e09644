package failover

import (
	"testing"
	"time"

	"sensor-agent/internal/nats"
)

// When the node of a cluster dies that the agent is connected to, it goes on
// with another one, and nothing is lost.
func TestNodeKilled(t *testing.T) {
	t.Parallel()
	c := nats.Start(t)
	s := subscribe(t, c[2].Port)
	a := startAgent(t, load, ownOutbox(t), c[0].URL(), c[1].URL())
	s.await(100)
	// The first, unless it was slow to take the login.
	victim := c[0]
	if l, _ := a.connected(); l.Broker == c[1].URL() {
		victim = c[1]
	}

	killed := time.Now()
	victim.Kill()
	if l := a.says("connected", killed); l.Broker == victim.URL() {
		t.Errorf("connected to %s, which is dead", l.Broker)
	}
	resumed := s.resumed(a, killed)
	s.settle(a)
	t.Logf("new readings come %v after the kill; longest gap at the subscriber %v", resumed.Sub(killed), s.longestGap(killed))
	t.Logf("the agent said:\n%s", a.story())
}

// Of three nodes one alone can store nothing. The agent holds what it reads
// until there are two again.
func TestTwoNodesKilled(t *testing.T) {
	t.Parallel()
	c := nats.Start(t)
	s := subscribe(t, c[2].Port)
	a := startAgent(t, load, ownOutbox(t), c[0].URL(), c[1].URL(), c[2].URL())
	s.await(100)

	killed := time.Now()
	c[0].Kill()
	c[1].Kill()
	time.Sleep(5 * time.Second)
	back := time.Now()
	c[1].Run()
	c[1].Await()
	ready := time.Now()
	resumed := s.resumed(a, killed)
	s.settle(a)
	t.Logf("new readings come %v after the return of a node, which took logins after %v; longest gap at the subscriber %v",
		resumed.Sub(back), ready.Sub(back), s.longestGap(killed))
	t.Logf("the agent said:\n%s", a.story())
}

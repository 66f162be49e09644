package failover

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"sensor-agent/internal/mosquitto"
)

// A hole is a way to a broker that can begin to swallow what is sent through
// it, both ways, while connections stay up and new ones are accepted: a router
// that has forgotten a connection, a radio link that is jammed.
type hole struct {
	t      *testing.T
	listen net.Listener
	broker string
	wg     sync.WaitGroup

	mu      sync.Mutex
	swallow bool
	conns   []net.Conn
}

func newHole(t *testing.T, broker string) *hole {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{t: t, listen: l, broker: broker}
	h.wg.Go(h.accept)
	t.Cleanup(func() {
		l.Close()
		h.open()
		h.wg.Wait()
	})
	return h
}

func (h *hole) url() string { return "tcp://" + h.listen.Addr().String() }

func (h *hole) accept() {
	for {
		agent, err := h.listen.Accept()
		if err != nil {
			return
		}
		broker, err := net.Dial("tcp", h.broker)
		if err != nil {
			agent.Close()
			continue
		}
		h.mu.Lock()
		h.conns = append(h.conns, agent, broker)
		h.mu.Unlock()
		h.wg.Go(func() { h.carry(broker, agent) })
		h.wg.Go(func() { h.carry(agent, broker) })
	}
}

// carry forwards what comes until there is an end of it, and the end as well.
func (h *hole) carry(to, from net.Conn) {
	defer from.Close()
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		h.mu.Lock()
		swallow := h.swallow
		h.mu.Unlock()
		switch {
		case err != nil:
			if !swallow {
				to.Close()
			}
			return
		case swallow:
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			to.Close()
			return
		}
	}
}

// swallowing begins to swallow.
func (h *hole) swallowing() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.swallow = true
}

// open lets everything pass again, on new connections: of the old ones
// something is missing.
func (h *hole) open() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.swallow = false
	for _, c := range h.conns {
		c.Close()
	}
	h.conns = nil
}

// unacknowledged is what the agent says of a connection on which messages are not
// acknowledged.
const unacknowledged = "the broker has not acknowledged a message for 8s"

// A connection that swallows everything is given up, and nothing of what went
// into it is lost: by the answers to pings when there is nothing to send, after
// some 20 s, by the acknowledgements when there is, after 8 s.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		interval time.Duration
		before   int // readings
		says     string
		within   time.Duration // on a machine that may be slow
	}{
		{"idle", time.Hour, 1, "", time.Minute},
		{"under load", load, 50, unacknowledged, 30 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := mosquitto.Start(t)
			h := newHole(t, server.Addr())
			s := subscribe(t, server.Port)
			a := startAgent(t, c.interval, ownOutbox(t), h.url())
			s.await(c.before)
			time.Sleep(2 * time.Second) // the first state and the first reading are acknowledged

			began := time.Now()
			h.swallowing()
			lost := a.says("connection lost", began)
			t.Logf("noticed after %v: %s", lost.Time.Sub(began), lost.Err)
			if took := lost.Time.Sub(began); took > c.within || !strings.Contains(lost.Err, c.says) {
				t.Errorf("noticed after %v: %s", took, lost.Err)
			}
			h.open()
			opened := time.Now()
			connected := a.says("connected", opened).Time
			t.Logf("connected again %v after it ended", connected.Sub(opened))
			s.settle(a)
			s.inOrder()
		})
	}
}

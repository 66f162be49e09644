package failover

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sensor-agent/internal/mosquitto"
	"sensor-agent/publisher"
)

// startKeeping starts a mosquitto as Debian has it: when it is stopped it
// saves what it has for its subscribers.
func startKeeping(t *testing.T) *mosquitto.Server {
	t.Helper()
	return mosquitto.Start(t, "allow_anonymous true", "persistence true", fmt.Sprintf("persistence_location %s/", t.TempDir()))
}

// stop ends a server as a service manager does.
func stop(t *testing.T, s *mosquitto.Server) {
	t.Helper()
	if err := s.Process().Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Process().Wait(); err != nil {
		t.Fatal(err)
	}
	s.Kill() // forgets the process
}

// A broker that was away for some seconds has readings again within a second
// of its return. On a machine that is slow, most of several have.
func TestBrokerRestarted(t *testing.T) {
	t.Parallel()
	const brokers, away, within = 5, 3 * time.Second, 1500 * time.Millisecond
	var late atomic.Int32
	t.Run("each", func(t *testing.T) {
		for i := range brokers {
			t.Run(strconv.Itoa(i+1), func(t *testing.T) {
				t.Parallel()
				server := startKeeping(t)
				s := subscribe(t, server.Port)
				e := listenEagerly(t, server.URL())
				a := startAgent(t, load, ownOutbox(t), server.URL())
				s.await(50)
				stop(t, server)
				time.Sleep(away)
				back := time.Now()
				server.Run()
				flow := e.after(back)
				t.Logf("readings flow %v after the return of the broker", flow)
				if flow > within {
					late.Add(1)
				}
				s.settle(a)
				s.inOrder()
			})
		}
	})
	if n := late.Load(); n > brokers/2 {
		t.Errorf("after the return of %d of %d brokers readings flow later than within %v", n, brokers, within)
	}
}

// A broker that hangs is noticed, and left alone until it is well again.
func TestBrokerHangs(t *testing.T) {
	t.Parallel()
	const (
		hangs  = 12 * time.Second // at least: until it has been noticed
		within = 30 * time.Second // which takes 8 s; but the machine may be slow
	)
	server := startKeeping(t)
	s := subscribe(t, server.Port)
	a := startAgent(t, load, ownOutbox(t), server.URL())
	s.await(50)

	began := time.Now()
	if err := server.Process().Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	lost := a.says("connection lost", began)
	time.Sleep(time.Until(began.Add(hangs)))
	well := time.Now()
	if err := server.Process().Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	took := lost.Time.Sub(began)
	if took > within || !strings.Contains(lost.Err, unacknowledged) {
		t.Errorf("noticed after %v: %s", took, lost.Err)
	}
	resumed := s.resumed(a, lost.Time)
	t.Logf("noticed after %v; new readings come %v after the end of it", took, resumed.Sub(well))
	s.settle(a)
	s.inOrder()
}

// eager is a subscriber that is back at once when its broker is, to see when
// readings flow. What comes before that it misses.
type eager struct {
	t *testing.T

	mu    sync.Mutex
	since time.Time // when it connected
	first time.Time // of the first reading since then
}

func listenEagerly(t *testing.T, broker string) *eager {
	t.Helper()
	u, err := url.Parse(broker)
	if err != nil {
		t.Fatal(err)
	}
	e := &eager{t: t}
	ctx := t.Context() // ends before the cleanups
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			conn, err := publisher.Connect(ctx, u, publisher.Login{ClientID: "eager"})
			if err != nil {
				time.Sleep(2 * time.Millisecond)
				continue
			}
			e.connected(time.Now())
			if conn.Subscribe(ctx, valueTopic, func(publisher.Received) { e.heard(time.Now()) }) == nil {
				select {
				case <-conn.Lost():
				case <-ctx.Done():
				}
			}
			conn.Abort()
		}
	}()
	t.Cleanup(func() { <-ended })
	return e
}

func (e *eager) connected(at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.since, e.first = at, time.Time{}
}

func (e *eager) heard(at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.first.IsZero() {
		e.first = at
	}
}

// after waits for the first reading after the return of a broker and returns how
// long after this subscriber itself it came.
func (e *eager) after(back time.Time) (flow time.Duration) {
	e.t.Helper()
	until(e.t, "readings flow", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		flow = e.first.Sub(e.since)
		return e.since.After(back) && !e.first.IsZero()
	})
	return flow
}

package failover

import (
	"fmt"
	"net/url"
	"strconv"
	"sync"
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
// of its return.
func TestBrokerRestarted(t *testing.T) {
	t.Parallel()
	const away, within = 3 * time.Second, 1500 * time.Millisecond
	for i := range 5 {
		t.Run(strconv.Itoa(i+1), func(t *testing.T) {
			t.Parallel()
			server := startKeeping(t)
			s := subscribe(t, server.Port)
			e := listenEagerly(t, server.URL())
			a := startAgent(t, load, ownOutbox(t), server.URL())
			s.await(50)
			stop(t, server)
			time.Sleep(away)
			back := time.Now() // a little before it listens
			server.Run()
			flow := e.after(back).Sub(back)
			t.Logf("readings flow %v after the return of the broker", flow)
			if flow > within {
				t.Errorf("readings flow %v after the return of the broker, want at most %v", flow, within)
			}
			s.settle(a)
			s.inOrder()
		})
	}
}

// A broker that hangs is noticed, and left alone until it is well again.
func TestBrokerHangs(t *testing.T) {
	t.Parallel()
	const hangs = 12 * time.Second
	server := startKeeping(t)
	s := subscribe(t, server.Port)
	a := startAgent(t, load, ownOutbox(t), server.URL())
	s.await(50)

	began := time.Now()
	if err := server.Process().Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(hangs)
	well := time.Now()
	if err := server.Process().Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	lost := a.says("connection lost", began).Time
	if lost.After(well) {
		t.Errorf("not noticed before it was over")
	}
	resumed := s.resumed(a, lost)
	t.Logf("noticed after %v; new readings come %v after the end of it", lost.Sub(began), resumed.Sub(well))
	s.settle(a)
	s.inOrder()
}

// eager is a subscriber that is back at once when its broker is, to see when
// readings flow. What comes before that it misses.
type eager struct {
	t *testing.T

	mu   sync.Mutex
	last time.Time // of the last reading
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

func (e *eager) heard(at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = at
}

// after waits for a reading after an instant and returns when it came.
func (e *eager) after(since time.Time) (at time.Time) {
	e.t.Helper()
	until(e.t, "readings flow", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		at = e.last
		return at.After(since)
	})
	return at
}

package chaos

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"sensor-agent/internal/mosquitto"
	"sensor-agent/publisher"
)

// A real broker that freezes and is killed may lose what it has acknowledged;
// the agent must not lose anything else. What it has acknowledged is seen at
// the proxy, what it has delivered by a subscriber that stays connected
// whenever there is a broker.
func TestMosquittoKilled(t *testing.T) {
	t.Parallel()
	total, seed := settings(t)
	r := rand.New(rand.NewPCG(seed, 3))
	rounds, freeze := 5, time.Second
	if total > time.Minute {
		rounds, freeze = 12, 15*time.Second // longer than the agent's patience
	}

	server := mosquitto.Start(t)
	sub := subscribeTo(t, server)
	waitFor(t, "the subscriber is there", sub.connected)
	l := newLedger()
	proxy := startProxy(t, server.Addr(), acknowledged(l))
	a := startAgent(t, l, proxy.url(), filepath.Join(t.TempDir(), "outbox"), shortly)

	for i := range rounds {
		time.Sleep(randomly(r, 2*time.Second))
		if err := server.Process().Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(randomly(r, freeze))
		if i%3 == 2 { // it has only been slow
			if err := server.Process().Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			continue
		}
		// What comes while there is no subscriber nobody could deliver.
		proxy.begin(refused)
		server.Kill()
		waitFor(t, "the subscriber has noticed", func() bool { return !sub.connected() })
		server.Run()
		a.signal(syscall.SIGKILL)
		waitFor(t, "the subscriber is back", sub.connected)
		if err := proxy.end(refused); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "everything is acknowledged", func() bool { return l.heard(a.begun()) && l.missing() == 0 })
	a.end(syscall.SIGTERM)
	a.wait(t)

	sum, problems := l.close()
	for _, p := range append(problems, a.problems...) {
		t.Error(p)
	}
	lost := func() (n int) {
		for _, reading := range l.readings() {
			if !sub.has(reading) {
				n++
			}
		}
		return n
	}
	waitFor(t, "the broker has delivered what can be believed of it: is the subscriber well?", func() bool { return lost() <= rounds*100 })
	t.Logf("%d readings, %d frozen or killed brokers; lost by the agent: %d, after the broker had acknowledged them: %d; %d duplicates",
		sum.Held, rounds, sum.Lost, lost(), sum.Duplicates)
}

// acknowledged returns a watcher of a proxy that tells a ledger of each message
// when its acknowledgement passes.
func acknowledged(l *ledger) func(link int, up bool, p packet) {
	type key struct {
		link int
		id   uint16
	}
	var mu sync.Mutex
	sent := map[key]message{}
	return func(link int, up bool, p packet) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case up && p.kind() == publish:
			if m, err := p.message(); err == nil && m.qos > 0 {
				sent[key{link, m.id}] = m
			}
		case !up && p.kind() == puback:
			l.note(link, sent[key{link, p.id()}])
			delete(sent, key{link, p.id()})
		}
	}
}

// A subscriber gets what a broker delivers, from each one that runs on a port
// in turn.
type subscriber struct {
	mu     sync.Mutex
	online bool
	got    map[number]bool
}

func subscribeTo(t *testing.T, server *mosquitto.Server) *subscriber {
	t.Helper()
	broker, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	s := &subscriber{got: map[number]bool{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			s.once(ctx, broker)
			time.Sleep(10 * time.Millisecond)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

// once subscribes and stays until the connection ends.
func (s *subscriber) once(ctx context.Context, broker *url.URL) {
	conn, err := publisher.Connect(ctx, broker, publisher.Login{ClientID: "subscriber"})
	if err != nil {
		return
	}
	defer conn.Close()
	if conn.Subscribe(ctx, "chaos/#", s.receive) != nil {
		return
	}
	s.set(true)
	defer s.set(false)
	select {
	case <-conn.Lost():
	case <-ctx.Done():
	}
}

func (s *subscriber) receive(m publisher.Received) {
	var r reading
	if json.Unmarshal(m.Payload, &r) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got[number{r.Epoch, r.Seq}] = true
}

func (s *subscriber) set(online bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.online = online
}

func (s *subscriber) connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.online
}

func (s *subscriber) has(n number) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got[n]
}

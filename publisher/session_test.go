package publisher

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sensor-agent/internal/clock"
	"sensor-agent/internal/mosquitto"
	"sensor-agent/internal/need"
	"sensor-agent/publisher/outbox"
	"sensor-agent/sensors"
)

// agent is a publisher under test, with one stream of one number.
type agent struct {
	*Publisher
	t      *testing.T
	cancel context.CancelFunc
	done   chan error
}

func newAgent(t *testing.T, brokers ...string) *agent {
	t.Helper()
	q := outbox.InMemory(4 << 20)
	t.Cleanup(func() { q.Close() })
	wall, err := clock.New(clock.Always, "")
	if err != nil {
		t.Fatal(err)
	}
	var urls []*url.URL
	for _, b := range brokers {
		urls = append(urls, parseURL(t, b))
	}
	return &agent{t: t, Publisher: New(Options{
		Device:  "greenhouse",
		Brokers: urls,
		Login:   Login{ClientID: "agent"},
		Topics:  Topics{Status: "d/status", Event: "d/event", Ack: "d/ack", Control: "d/control"},
		Streams: []Stream{{Name: "main", Topic: "d/value", QoS: 1, Fields: [][]Field{{{"n", 0}}}}},
		Outbox:  q, Clock: wall, Drain: 500,
		Retained: []Retained{{"d/state", func() []byte { return []byte(`{"state":1}`) }}},
		Log:      slog.New(slog.DiscardHandler),
	})}
}

// run starts the agent; it is stopped when the test ends.
func (a *agent) run() {
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel, a.done = cancel, make(chan error, 1)
	go func() { a.done <- a.Run(ctx) }()
	a.t.Cleanup(a.stop)
}

func (a *agent) stop() {
	a.t.Helper()
	if a.cancel == nil {
		return
	}
	a.cancel()
	a.cancel = nil
	select {
	case err := <-a.done:
		if err != nil {
			a.t.Error(err)
		}
	case <-time.After(farewell + patience):
		a.t.Fatal("the publisher does not end")
	}
}

func (a *agent) read(n int) {
	a.Publish(0, time.Now(), []sensors.Reading{{sensors.Value(float64(n))}})
}

// message is what a consumer reads.
type message struct {
	N      float64
	Epoch  uint64
	Seq    uint64
	Replay bool
}

// consumer is an independent subscriber that stays while brokers come and go.
type consumer struct {
	mu       sync.Mutex
	times    int // it has subscribed
	messages []message
	status   []string
}

func consume(t *testing.T, broker string) *consumer {
	t.Helper()
	c := &consumer{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			conn, err := Connect(ctx, parseURL(t, broker), Login{ClientID: fmt.Sprintf("consumer-%p", c)})
			if err != nil {
				time.Sleep(20 * time.Millisecond)
				continue
			}
			if conn.Subscribe(ctx, "d/#", c.receive) == nil {
				c.subscribed()
				select {
				case <-conn.Lost():
				case <-ctx.Done():
				}
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	until(t, "the consumer listens", func() bool { return c.subscriptions() > 0 })
	return c
}

func (c *consumer) subscribed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times++
}

func (c *consumer) subscriptions() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.times
}

func (c *consumer) receive(r Received) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r.Topic {
	case "d/value":
		var m message
		if json.Unmarshal(r.Payload, &m) == nil {
			c.messages = append(c.messages, m)
		}
	case "d/status":
		c.status = append(c.status, string(r.Payload))
	}
}

func (c *consumer) got() []message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]message(nil), c.messages...)
}

// patience is how long a test waits for what must happen on a busy machine.
const patience = time.Minute

func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// What was read before there was a broker arrives when there is one: the
// newest at once, the rest in order beside what is new, marked.
func TestBacklogFollowsBesideTheLiveLane(t *testing.T) {
	b := mosquitto.Start(t)
	b.Kill()
	url := b.URL()
	a := newAgent(t, url)
	for i := 1; i <= 200; i++ {
		a.read(i)
	}
	b.Run()
	c := consume(t, url)
	a.run()
	until(t, "the newest is there", func() bool { return len(c.got()) > 0 })
	for i := 201; i <= 220; i++ {
		a.read(i)
		time.Sleep(5 * time.Millisecond)
	}
	until(t, "all are there", func() bool { return len(c.got()) >= 220 })
	time.Sleep(50 * time.Millisecond)

	live, replayed := 200.0, 1.0
	for _, m := range c.got() {
		want := &live
		if m.Replay {
			want = &replayed
		}
		if m.N != *want || uint64(m.N) != m.Seq || m.Epoch != a.Outbox.Epoch() {
			t.Fatalf("%+v, want number %v", m, *want)
		}
		*want++
	}
	if first := c.got()[0]; first.N != 200 {
		t.Errorf("first message: %+v, want the newest", first)
	}
	if live != 221 || replayed != 200 {
		t.Errorf("live lane ended at %v, backlog at %v", live, replayed)
	}
	until(t, "the outbox is empty", func() bool { return a.Outbox.Stats().Held == 0 })
}

// A broker that is killed again and again costs no reading, and what arrives
// twice is recognised by its number.
func TestKilledBrokerLosesNothing(t *testing.T) {
	s := mosquitto.Start(t)
	c := consume(t, s.URL())
	way := newGate(t, s.Addr())
	a := newAgent(t, way.url())
	a.run()
	n := 0
	for range 4 {
		for range 60 {
			n++
			a.read(n)
			time.Sleep(2 * time.Millisecond)
		}
		way.shut()
		before := c.subscriptions()
		s.Kill()
		for range 30 {
			n++
			a.read(n)
		}
		s.Run()
		// What a broker gets without a subscriber is gone.
		until(t, "the consumer is back", func() bool { return c.subscriptions() > before })
		way.open()
	}
	seen := map[float64]int{}
	until(t, "all are there", func() bool {
		clear(seen)
		for _, m := range c.got() {
			seen[m.N]++
		}
		return len(seen) >= n-60 && a.Outbox.Stats().Held == 0
	})
	if held := a.Outbox.Stats().Held; held != 0 {
		t.Errorf("%d held", held)
	}
	// In each lane the numbers never fall back within one connection by more
	// than a window.
	last := map[bool]float64{}
	for _, m := range c.got() {
		if m.N < last[m.Replay]-window {
			t.Errorf("%+v after %v", m, last[m.Replay])
		}
		last[m.Replay] = max(last[m.Replay], m.N)
	}
}

func TestStatusAndState(t *testing.T) {
	b := mosquitto.Start(t)
	c := consume(t, b.URL())
	status := func() string {
		c.mu.Lock()
		defer c.mu.Unlock()
		return strings.Join(c.status, " ")
	}
	a := newAgent(t, b.URL())
	a.run()
	until(t, "it is online", func() bool { return status() == "online" })
	a.stop()
	until(t, "it said goodbye", func() bool { return status() == "online offline" })

	// Retained, for those who come later.
	late := consume(t, b.URL())
	until(t, "the late one knows", func() bool {
		late.mu.Lock()
		defer late.mu.Unlock()
		return len(late.status) == 1 && late.status[0] == "offline"
	})

	// A connection that breaks leaves the will.
	conn, err := Connect(t.Context(), parseURL(t, b.URL()), Login{ClientID: "x", Will: &Will{"d/status", Offline}})
	if err != nil {
		t.Fatal(err)
	}
	conn.Abort()
	until(t, "the will is published", func() bool { return status() == "online offline offline" })
}

// The last readings and answers before a stop are still sent.
func TestStopSendsWhatIsNew(t *testing.T) {
	b := mosquitto.Start(t)
	c := consume(t, b.URL())
	a := newAgent(t, b.URL())
	a.run()
	a.read(0)
	until(t, "it is connected", func() bool { return len(c.got()) == 1 })
	for i := 1; i <= 150; i++ {
		a.read(i)
	}
	a.stop()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%d messages arrived, %d are held", len(c.got()), a.Outbox.Stats().Held)
		}
	})
	until(t, "all are there", func() bool { return len(c.got()) >= 151 })
}

func TestCommandsArriveInOrder(t *testing.T) {
	b := mosquitto.Start(t)
	a := newAgent(t, b.URL())
	conn, err := Connect(t.Context(), parseURL(t, b.URL()), Login{ClientID: "someone"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	echo := make(chan Received, 1)
	if err := conn.Subscribe(t.Context(), "d/control", func(r Received) {
		select {
		case echo <- r:
		default:
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Send(t.Context(), "d/control", 1, true, []byte("retained")); err != nil {
		t.Fatal(err)
	}
	receive := func(from <-chan Received) Received {
		select {
		case r := <-from:
			return r
		case <-time.After(patience):
			t.Fatal("waited in vain for a command")
			return Received{}
		}
	}
	receive(echo) // the broker acknowledges before it hands out: only now is it done
	a.run()
	if r := receive(a.Commands()); string(r.Payload) != "retained" || !r.Retained {
		t.Errorf("first command: %+v", r)
	}
	for i := range 50 {
		if err := conn.Send(t.Context(), "d/control", 1, false, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		if r := receive(a.Commands()); r.Payload[0] != byte(i) || r.Retained {
			t.Fatalf("command %d: %+v", i, r)
		}
	}
	// Nobody obeys: what is too much is dropped, and sending goes on.
	for range 3 * commandsHeld {
		if err := conn.Send(t.Context(), "d/control", 1, false, []byte("flood")); err != nil {
			t.Fatal(err)
		}
	}
	c := consume(t, b.URL())
	a.read(1)
	until(t, "the reading is there", func() bool { return len(c.got()) == 1 })
}

// When the first of several brokers is lost, the next takes over.
func TestSeveralBrokers(t *testing.T) {
	first, second := mosquitto.Start(t), mosquitto.Start(t)
	before, c := consume(t, first.URL()), consume(t, second.URL())
	a := newAgent(t, "tcp://127.0.0.1:"+itoa(need.Port(t)), first.URL(), second.URL())
	a.run()
	a.read(0)
	until(t, "the first broker has the reading", func() bool { return len(before.got()) == 1 })
	first.Kill()
	a.read(1)
	until(t, "the second broker has the reading", func() bool { return len(c.got()) == 1 })
}

// A broker that takes messages and acknowledges none is left.
func TestSilentBrokerIsLeft(t *testing.T) {
	t.Parallel()
	silent := silentBroker(t)
	b := mosquitto.Start(t)
	c := consume(t, b.URL())
	a := newAgent(t, silent, b.URL())
	a.run()
	a.read(1)
	until(t, "the other broker has the reading", func() bool { return len(c.got()) == 1 })
}

func TestPublishAllocatesNothing(t *testing.T) {
	a := newAgent(t, "tcp://127.0.0.1:1")
	readings := []sensors.Reading{{sensors.Value(414)}}
	for range 1000 { // until what is kept has found its size
		a.Publish(0, time.Now(), readings)
	}
	if n := testing.AllocsPerRun(500, func() { a.Publish(0, time.Now(), readings) }); n >= 1 {
		t.Errorf("%v allocations per reading", n)
	}
}

// One that refuses the login is not asked again and again because another one
// is down.
func TestRefusedLoginIsLeftAlone(t *testing.T) {
	s := mosquitto.Start(t, "allow_anonymous false", "password_file "+mosquitto.PasswordFile(t, "pi", "secret"))
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer front.Close()
	var logins atomic.Int32
	go func() {
		for {
			conn, err := front.Accept()
			if err != nil {
				return
			}
			logins.Add(1)
			go forward(conn, s.Addr())
		}
	}()
	a := newAgent(t, "tcp://"+front.Addr().String(), "tcp://127.0.0.1:"+itoa(need.Port(t)))
	a.run()
	until(t, "it is asked", func() bool { return logins.Load() > 0 })
	time.Sleep(4 * time.Second)
	if n := logins.Load(); n != 1 {
		t.Errorf("asked %d times in 4 s", n)
	}
}

func forward(conn net.Conn, to string) {
	defer conn.Close()
	there, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer there.Close()
	go func() { _, _ = io.Copy(there, conn) }()
	_, _ = io.Copy(conn, there)
}

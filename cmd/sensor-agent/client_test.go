package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"sensor-agent/internal/need"
	"sensor-agent/publisher"
)

// received is a message that a client was sent, and when.
type received struct {
	publisher.Received
	at time.Time
}

func (r received) String() string { return r.Topic + " " + string(r.Payload) }

// client is an MQTT client that keeps all it receives.
type client struct {
	t    *testing.T
	conn *publisher.Conn

	mu   sync.Mutex
	got  map[string][]received // by topic
	seen map[string]int        // how many of them next is through with
}

// connect connects a client that hears all topics below iot.
func connect(t *testing.T, broker string) *client {
	t.Helper()
	return connectAs(t, broker, publisher.Login{})
}

func connectAs(t *testing.T, broker string, login publisher.Login) *client {
	t.Helper()
	u, err := url.Parse(broker)
	if err != nil {
		t.Fatal(err)
	}
	login.ClientID = fmt.Sprintf("test-%x", rand.Uint64())
	conn, err := publisher.Connect(t.Context(), u, login)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	c := &client{t: t, conn: conn, got: map[string][]received{}, seen: map[string]int{}}
	if err := conn.Subscribe(t.Context(), "iot/#", c.receive); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *client) receive(r publisher.Received) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got[r.Topic] = append(c.got[r.Topic], received{r, time.Now()})
}

// on returns what has come on a topic.
func (c *client) on(topic string) []received {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got[topic])
}

// next waits for the message on a topic after the last that next returned or
// skip left out.
func (c *client) next(topic string) received {
	c.t.Helper()
	var r received
	until(c.t, "there is a message on "+topic, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		n := c.seen[topic]
		if n == len(c.got[topic]) {
			return false
		}
		r = c.got[topic][n]
		c.seen[topic]++
		return true
	})
	return r
}

// skip leaves out what has come on a topic so far.
func (c *client) skip(topic string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[topic] = len(c.got[topic])
}

func (c *client) publish(topic, payload string, retain bool) {
	c.t.Helper()
	if err := c.conn.Send(c.t.Context(), topic, 1, retain, []byte(payload)); err != nil {
		c.t.Fatal(err)
	}
}

// command sends a command and returns the answer to it, as text.
func (c *client) command(payload string) string {
	c.t.Helper()
	c.skip(ackTopic)
	c.publish(controlTopic, payload, false)
	return string(c.next(ackTopic).Payload)
}

// Where the agents of these tests speak and listen.
const (
	valueTopic   = "iot/sensor/value"
	controlTopic = "iot/topic/interval"
	ackTopic     = "iot/greenhouse/ack"
	statusTopic  = "iot/greenhouse/status"
	stateTopic   = "iot/greenhouse/state"
	eventTopic   = "iot/greenhouse/event"
)

// message is what a consumer reads of the readings of one tick.
type message struct {
	Timestamp time.Time
	Device    string
	Temp      *float64
	Value     *float64
	Epoch     uint64
	Seq       uint64
	Replay    bool
}

// messages returns the messages of the stream so far.
func (c *client) messages() []message {
	c.t.Helper()
	var list []message
	for _, r := range c.on(valueTopic) {
		list = append(list, decode[message](c.t, r.Payload))
	}
	return list
}

// told is the part of the retained state that these tests are about.
type told struct {
	Version string
	Epoch   uint64
	Streams map[string]struct {
		Interval, Default float64
		Until             string
	}
	Sensors map[string]struct {
		Health   string
		Failures int
	}
	Outbox struct {
		Held, Bytes, Dropped *uint64
		Health               string
	}
}

// state waits until the latest state fulfils a condition, and returns it.
func (c *client) state(what string, condition func(told) bool) told {
	c.t.Helper()
	var s told
	until(c.t, "the state has "+what, func() bool {
		all := c.on(stateTopic)
		if len(all) == 0 {
			return false
		}
		s = decode[told](c.t, all[len(all)-1].Payload)
		return condition(s)
	})
	return s
}

// inForce waits until the state names an interval, in seconds, for main.
func (c *client) inForce(interval float64) {
	c.t.Helper()
	c.state(fmt.Sprintf("the interval %v", interval), func(s told) bool {
		return s.Streams["main"].Interval == interval
	})
}

func decode[T any](t *testing.T, payload []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(payload, &v); err != nil {
		t.Fatalf("%q: %v", payload, err)
	}
	return v
}

// A cable leads from agents to a broker, and can be pulled without the broker
// or its other clients noticing.
type cable struct {
	t        *testing.T
	addr, to string
	ends     []io.Closer   // of the connections it carries; owned by accept while plugged in
	accepted chan struct{} // closed when accept has returned
	listener net.Listener  // nil while pulled
	carrying sync.WaitGroup
}

// newCable makes a cable to a broker's address that is not plugged in.
func newCable(t *testing.T, to string) *cable {
	t.Helper()
	c := &cable{t: t, addr: need.Addr(t), to: to}
	t.Cleanup(c.pull)
	return c
}

func (c *cable) url() string { return "tcp://" + c.addr }

func (c *cable) plug() {
	c.t.Helper()
	l, err := need.Listen(c.addr)
	if err != nil {
		c.t.Fatal(err)
	}
	c.listener, c.accepted = l, make(chan struct{})
	go c.accept(l)
}

func (c *cable) accept(l net.Listener) {
	defer close(c.accepted)
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", c.to)
		if err != nil {
			near.Close()
			continue
		}
		c.ends = append(c.ends, near, far)
		c.carrying.Go(func() { _, _ = io.Copy(far, near); far.Close() })
		c.carrying.Go(func() { _, _ = io.Copy(near, far); near.Close() })
	}
}

// pull ends all connections; nobody listens then.
func (c *cable) pull() {
	if c.listener == nil {
		return
	}
	c.listener.Close()
	<-c.accepted
	for _, end := range c.ends {
		end.Close()
	}
	c.carrying.Wait()
	c.ends, c.listener = nil, nil
}

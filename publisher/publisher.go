// Package publisher brings readings to an MQTT broker: it writes each as a
// message, puts it into the outbox, and sends from there whenever a broker
// will have it, until the broker has acknowledged it. One path for a reading,
// online or offline.
//
// What is not a reading travels beside the outbox: the retained status, state
// and health of each sensor, and the answers to commands. They speak of now and
// are worth nothing later.
package publisher

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"sensor-agent/internal/clock"
	"sensor-agent/publisher/outbox"
	"sensor-agent/sensors"
)

// Topics are where a publisher speaks and listens.
type Topics struct {
	Status  string // online or offline, retained, last will
	Event   string // what happened to delivery, in order with the readings
	Ack     string // answers to commands
	Control string // commands; "" to take none
}

// Retained is a message that the broker keeps: it is published at each
// connection, and when it differs from what it was.
type Retained struct {
	Topic   string
	Payload func() []byte // now; called by one goroutine at a time
}

// Options are what a [Publisher] needs.
type Options struct {
	Device    string
	Brokers   []*url.URL // tried in turn
	Login     Login      // without a will; the publisher sets its own
	Topics    Topics
	Streams   []Stream
	Timestamp Timestamp
	Outbox    *outbox.Queue
	Clock     *clock.Clock
	Drain     int        // messages a second from before the connection; 0: as many as the broker takes
	Retained  []Retained // what else to keep at the broker
	Log       *slog.Logger
}

// Publisher publishes the readings of one device. Make one with [New].
type Publisher struct {
	Options
	device   []byte // as a JSON string
	epoch    uint64
	topicOf  [][]byte          // of each stream
	topics   map[string]string // the same, to look names up without making strings
	commands chan Received
	answers  chan []byte
	changed  chan struct{}
	floods   atomic.Int64 // when a flood was last logged, ns since 1970

	mu   sync.Mutex // orders seq and outbox
	seq  uint64
	body []byte // reused
	rec  []byte // reused
}

// Bounds of what may wait beside the outbox.
const (
	commandsHeld = 64
	answersHeld  = 64
)

// New makes a publisher; Run starts it. The first thing it puts into the outbox
// is the event that a new epoch has begun.
func New(o Options) *Publisher {
	o.Login.Will = &Will{Topic: o.Topics.Status, Payload: Offline}
	o.Login.limit = leastLimit
	p := &Publisher{
		Options:  o,
		epoch:    o.Outbox.Epoch(),
		topics:   make(map[string]string, len(o.Streams)),
		device:   quoted(o.Device),
		commands: make(chan Received, commandsHeld),
		answers:  make(chan []byte, answersHeld),
		changed:  make(chan struct{}, 1),
	}
	for _, s := range o.Streams {
		p.topicOf = append(p.topicOf, []byte(s.Topic))
		p.topics[s.Topic] = s.Topic
	}
	p.announce()
	return p
}

// The payloads of the status topic.
const (
	Online  = "online"
	Offline = "offline"
)

// Publish puts the readings of one tick of a stream into the outbox, as one
// message. A tick in which nothing could be read makes none. readings has one
// reading per sensor of the stream, nil for one that could not be read; they
// are not kept. It does not wait for the broker and may be called by several
// goroutines.
func (p *Publisher) Publish(stream int, at time.Time, readings []sensors.Reading) {
	s := &p.Streams[stream]
	p.mu.Lock()
	defer p.mu.Unlock()
	var ok bool
	if p.body, ok = s.appendBody(p.body[:0], readings); !ok {
		return
	}
	r := record{qos: s.QoS, retain: s.Retain, at: p.Clock.Stamp(at), topic: p.topicOf[stream], body: p.body}
	var seq uint64 // a bare value has no room for a number, so it takes none
	if s.Format == Value {
		r.kind = kindValue
	} else {
		p.seq++
		seq = p.seq
	}
	p.append(r, seq)
	if p.Log.Enabled(context.Background(), slog.LevelDebug) {
		p.Log.Debug("queued", "stream", s.Name, "epoch", p.epoch, "seq", seq)
	}
}

// append puts a record into the outbox; p.mu is held.
func (p *Publisher) append(r record, seq uint64) {
	p.rec = r.append(p.rec[:0])
	epoch := p.epoch
	if r.kind == kindValue {
		epoch = 0 // it belongs to none, which tells it from an event
	}
	if _, err := p.Outbox.Append(outbox.Record{Epoch: epoch, Seq: seq, Payload: p.rec}); err != nil {
		p.Log.Error("a message is lost", "topic", string(r.topic), "seq", seq, "err", err)
	}
}

// Answer sends the answer to a command while connected; without a connection
// it is dropped, as its asker is not there to hear it.
func (p *Publisher) Answer(payload []byte) {
	select {
	case p.answers <- payload:
	default:
		p.flooded(p.Topics.Ack)
	}
}

// flooded says that commands arrive faster than they can be dealt with, once a
// minute: the log is not to be flooded as well.
func (p *Publisher) flooded(topic string) {
	now, last := time.Now().UnixNano(), p.floods.Load()
	if now-last > int64(time.Minute) && p.floods.CompareAndSwap(last, now) {
		p.Log.Warn("commands arrive faster than they can be obeyed and answered; some are dropped", "topic", topic)
	}
}

// StateChanged makes what is retained be published where it has changed, at
// most once a second.
func (p *Publisher) StateChanged() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// Commands receives what arrives on the control topic.
func (p *Publisher) Commands() <-chan Received { return p.commands }

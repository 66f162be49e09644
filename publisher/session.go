package publisher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"sensor-agent/publisher/outbox"
)

const (
	// window is how many messages may be on their way unacknowledged: the
	// product of rate and round trip (64 carries 3,000 messages/s at 20 ms),
	// and the most that can arrive twice after a break.
	window = 64
	// wideWindow is the same where the backlog is to go as fast as it can.
	wideWindow = 1024
	// overdue is how long the oldest of them may stay unacknowledged before
	// the connection is taken for dead.
	overdue = 8 * time.Second
	// farewell is how long the end of a run waits for acknowledgements.
	farewell = 5 * time.Second
	// statePause is the least time between two states.
	statePause = time.Second
	// stateRefresh is the most: its counters change without being told.
	stateRefresh = 30 * time.Second
)

// session sends over one connection until it ends.
//
// It has two lanes. The live one begins with the newest message there is, so
// after an outage the present is seen at once. Beside it the backlog follows,
// oldest first, at a bounded pace: a broker that is flooded acknowledges and
// then drops what its subscribers cannot take.
//
// In each lane messages go out in the order of the outbox, many under way at a
// time, and are deleted only when acknowledged, in the order they were sent.
// The first that fails or stays unacknowledged ends the session; the next one
// begins with it. So nothing is lost, nothing overtakes within its lane, and
// what arrives twice is at most a window.
type session struct {
	*Publisher
	conn    *Conn
	live    lane
	backlog lane
	pace    pace
	behind  bool // the backlog is not delivered yet

	delivered bool     // at least one message
	ailment   string   // the health of the outbox, when last asked
	deaf      bool     // the broker refuses the subscription to commands, for now
	retained  [][]byte // payloads the broker has been handed, as [Options.Retained]

	buf []byte // of the record being sent

	underway deliveries
	watchdog *time.Timer
	watching bool
}

// lane is a part of the outbox being sent.
type lane struct {
	sent  outbox.Position // the last message handed to the connection
	until outbox.Position // the last one of the lane; 0: it has no end
	more  bool            // there may be another
}

func newSession(p *Publisher, conn *Conn) *session {
	s := &session{Publisher: p, conn: conn, watchdog: time.NewTimer(overdue)}
	s.watchdog.Stop()
	for len(p.answers) > 0 { // whoever asked then is not waiting any more
		<-p.answers
	}
	s.underway.limit = window
	s.pace = newPace(p.Drain)
	if newest := p.Outbox.Last(); newest > 0 {
		s.live = lane{sent: newest - 1, more: true}
		s.backlog = lane{until: newest - 1, more: true}
		s.behind = true
	}
	return s
}

// run returns why the connection ended, or nil after a goodbye when ctx ended.
func (s *session) run(ctx context.Context) error {
	defer s.watchdog.Stop()
	defer s.pace.stop()
	if err := s.greet(ctx); err != nil {
		s.conn.Abort()
		return err
	}
	err := s.serve(ctx)
	if ctx.Err() == nil {
		s.conn.Abort()
		return err
	}
	// The answer to the last command and the last readings go out as well.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	s.finish(last)
	if err := s.conn.Send(last, s.Topics.Status, 1, true, []byte(Offline)); err != nil {
		s.Log.Debug("saying goodbye", "err", err)
	}
	s.conn.Close()
	return nil
}

// greet tells the world that the device is here, and listens for commands.
func (s *session) greet(ctx context.Context) error {
	if err := s.listen(ctx); err != nil {
		return err
	}
	s.conn.Publish(s.Topics.Status, 1, true, []byte(Online))
	s.retain()
	return nil
}

// retain publishes what the broker is to keep and does not have yet.
func (s *session) retain() {
	if s.retained == nil {
		s.retained = make([][]byte, len(s.Retained))
	}
	for i, r := range s.Retained {
		if payload := r.Payload(); !bytes.Equal(payload, s.retained[i]) {
			s.retained[i] = payload
			s.conn.Publish(r.Topic, 1, true, payload)
		}
	}
}

// listen subscribes to commands. A broker that refuses that still gets the
// readings; it is asked again later, since a cluster that is just electing
// refuses, too.
func (s *session) listen(ctx context.Context) error {
	if s.Topics.Control == "" {
		return nil
	}
	err := s.conn.Subscribe(ctx, s.Topics.Control, s.receive)
	refused := errors.Is(err, ErrSubscription)
	switch {
	case refused && !s.deaf:
		s.Log.Warn("no commands can arrive", "topic", s.Topics.Control, "err", err)
	case err == nil && s.deaf:
		s.Log.Info("commands can arrive again", "topic", s.Topics.Control)
	}
	s.deaf = refused
	if refused {
		return nil
	}
	return err
}

// receive takes a command from the connection's reader, which must not wait.
func (s *session) receive(r Received) {
	select {
	case s.commands <- r:
	default:
		s.flooded(r.Topic)
	}
}

// serve sends until the connection or ctx ends.
func (s *session) serve(ctx context.Context) error {
	rest := time.NewTimer(time.Hour)
	rest.Stop()
	defer rest.Stop()
	refresh := time.NewTicker(stateRefresh)
	defer refresh.Stop()
	resting, dirty := false, false
	s.confess()
	for {
		s.send()
		if s.behind && !s.backlog.more && s.underway.count == 0 {
			s.behind, dirty = false, true // the state says that it is over
		}
		select {
		case <-s.Outbox.Wake():
			s.live.more = true
			dirty = s.confess() || s.ails() || dirty
		case <-s.underway.oldest():
			if err := s.settle(); err != nil {
				return err
			}
		case <-s.pace.due():
			s.pace.waiting = false
		case a := <-s.answers:
			s.conn.Publish(s.Topics.Ack, 1, false, a)
		case <-s.changed:
			dirty = true
		case <-rest.C:
			resting = false
		case <-refresh.C:
			dirty = true
			if s.deaf {
				if err := s.listen(ctx); err != nil {
					return err
				}
			}
		case <-s.watchdog.C:
			if err := s.watch(); err != nil {
				return err
			}
		case err := <-s.conn.Lost():
			return err
		case <-ctx.Done():
			return nil
		}
		if dirty && !resting {
			s.retain()
			dirty, resting = false, true
			rest.Reset(statePause)
		}
	}
}

// ails reports whether the health of the outbox has changed.
func (s *session) ails() bool {
	before := s.ailment
	s.ailment = s.Outbox.Stats().Health
	return s.ailment != before
}

// send fills the window, from the live lane first.
func (s *session) send() {
	for !s.underway.full() && s.sendNext(&s.live, false) {
	}
	if s.backlog.more && s.Drain == 0 {
		s.underway.limit = wideWindow
	}
	for !s.underway.full() && s.backlog.more && s.pace.take() {
		s.sendNext(&s.backlog, true)
	}
	if !s.backlog.more {
		s.underway.limit = window
	}
}

// sendNext sends the next message of a lane; false if there is none.
func (s *session) sendNext(l *lane, replay bool) bool {
	if !l.more {
		return false
	}
	rec, ok := s.Outbox.Next(l.sent, s.buf)
	if !ok || l.until > 0 && rec.Position > l.until {
		l.more = false
		return false
	}
	s.buf = rec.Payload
	l.sent = rec.Position
	var r record
	if err := r.parse(rec.Payload); err != nil {
		s.Log.Warn("leaving out a message that cannot be read", "epoch", rec.Epoch, "seq", rec.Seq, "err", err)
		s.Outbox.Ack(rec.Position)
		return true
	}
	if replay && r.kind == kindValue && r.qos == 0 {
		// It cannot say when it was, and nobody asked for it to be kept.
		s.Outbox.Ack(rec.Position)
		return true
	}
	e := envelope{device: s.device, timestamp: s.Timestamp, replay: replay, epoch: rec.Epoch, seq: rec.Seq}
	var reliable bool
	e.at, reliable = s.Clock.Time(r.at)
	e.unsynced = !reliable
	topic, known := s.topics[string(r.topic)]
	if !known {
		topic = string(r.topic)
	}
	// The connection keeps the payload until it is acknowledged, so each
	// message needs memory of its own.
	retain := r.retain && !replay // what is retained is the newest
	payload := r.appendMessage(make([]byte, 0, len(r.body)+len(s.device)+112), e)
	s.underway.push(delivery{rec.Position, s.conn.Publish(topic, r.qos, retain, payload), time.Now()})
	if !s.watching {
		s.watching = true
		s.watchdog.Reset(overdue)
	}
	return true
}

// settle deletes what has been acknowledged, from the oldest on.
func (s *session) settle() error {
	for s.underway.count > 0 {
		d := s.underway.first()
		select {
		case <-d.token.Done():
		default:
			return nil
		}
		if err := d.token.Error(); err != nil {
			return explainLost(err)
		}
		s.Outbox.Ack(d.position)
		s.underway.pop()
		s.delivered = true
	}
	return nil
}

// watch ends the session when the oldest message has waited too long: the
// connection may look alive for a long time after the broker is gone. The
// timer is set anew only when it has fired, not for each message.
func (s *session) watch() error {
	if s.underway.count == 0 {
		s.watching = false
		return nil
	}
	left := overdue - time.Since(s.underway.first().at)
	if left <= 0 {
		return fmt.Errorf("the broker has not acknowledged a message for %v", overdue)
	}
	s.watchdog.Reset(left)
	return nil
}

// finish sends what is new and waits for what is under way. The backlog stays
// in the outbox.
func (s *session) finish(ctx context.Context) {
	for {
		select {
		case a := <-s.answers:
			s.conn.Publish(s.Topics.Ack, 1, false, a)
			continue
		default:
		}
		s.live.more = true
		for !s.underway.full() && s.sendNext(&s.live, false) {
		}
		if s.underway.count == 0 {
			return
		}
		select {
		case <-s.underway.oldest():
			if s.settle() != nil {
				return
			}
		case <-s.conn.Lost():
			return
		case <-ctx.Done():
			return
		}
	}
}

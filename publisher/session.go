package publisher

import (
	"context"
	"errors"
	"fmt"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"sensor-agent/publisher/outbox"
)

const (
	// window is how many messages may be on their way unacknowledged: the
	// product of rate and round trip (64 carries 3,000 messages/s at 20 ms),
	// and the most that can arrive twice after a break.
	window = 64
	// overdue is how long the oldest of them may stay unacknowledged before
	// the connection is taken for dead.
	overdue = 10 * time.Second
	// farewell is how long the end of a run waits for acknowledgements.
	farewell = 5 * time.Second
	// statePause is the least time between two states.
	statePause = time.Second
)

var errClosed = errors.New("closed by the broker or the network")

// session sends over one connection until it ends.
//
// Messages go out in the order of the outbox, many under way at a time, and
// are deleted only when acknowledged, in the order they were sent. The first
// that fails or stays unacknowledged ends the session; the next one begins
// with it. So nothing is lost, nothing overtakes, and what arrives twice is at
// most a window.
type session struct {
	*Publisher
	conn *Conn
	sent outbox.Position // the last message handed to the connection
	more bool            // the outbox may hold another

	// underway is a ring of messages not acknowledged yet, oldest at head.
	underway [window]delivery
	head     int
	count    int
	watchdog *time.Timer
	watching bool
}

type delivery struct {
	position outbox.Position
	token    mqtt.Token
	at       time.Time
}

func newSession(p *Publisher, conn *Conn) *session {
	w := time.NewTimer(overdue)
	w.Stop()
	return &session{Publisher: p, conn: conn, more: true, watchdog: w}
}

// run returns why the connection ended, or nil after a goodbye when ctx ended.
func (s *session) run(ctx context.Context) error {
	defer s.watchdog.Stop()
	if err := s.greet(ctx); err != nil {
		s.conn.Abort()
		return err
	}
	s.online.Store(true)
	err := s.serve(ctx)
	s.online.Store(false)
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
	if topic := s.Topics.Control; topic != "" {
		if err := s.conn.Subscribe(ctx, topic, s.receive); err != nil {
			return err
		}
	}
	s.conn.Publish(s.Topics.Status, 1, true, []byte(Online))
	s.conn.Publish(s.Topics.State, 1, true, s.State())
	return nil
}

// receive takes a command from the connection's reader, which must not wait.
func (s *session) receive(r Received) {
	select {
	case s.commands <- r:
	default:
		s.Log.Warn("commands arrive faster than they can be obeyed; one was dropped", "topic", r.Topic)
	}
}

// serve sends until the connection or ctx ends.
func (s *session) serve(ctx context.Context) error {
	rest := time.NewTimer(0)
	defer rest.Stop()
	<-rest.C
	resting, dirty := false, false
	for {
		if err := s.send(); err != nil {
			return err
		}
		select {
		case <-s.Outbox.Wake():
			s.more = true
		case <-s.oldest():
			if err := s.settle(); err != nil {
				return err
			}
		case a := <-s.answers:
			s.conn.Publish(s.Topics.Ack, 1, false, a)
		case <-s.changed:
			dirty = true
		case <-rest.C:
			resting = false
		case <-s.watchdog.C:
			if err := s.watch(); err != nil {
				return err
			}
		case err := <-s.conn.Lost():
			return fmt.Errorf("%w: %w", errClosed, err)
		case <-ctx.Done():
			return nil
		}
		if dirty && !resting {
			s.conn.Publish(s.Topics.State, 1, true, s.State())
			dirty, resting = false, true
			rest.Reset(statePause)
		}
	}
}

// send fills the window from the outbox.
func (s *session) send() error {
	for s.more && s.count < window {
		// The connection keeps the payload until it is acknowledged, so each
		// message needs memory of its own.
		position, rec, ok := s.Outbox.Next(s.sent, nil)
		if !ok {
			s.more = false
			return nil
		}
		s.sent = position
		var r record
		if err := r.parse(rec.Payload); err != nil {
			s.Log.Warn("leaving out a message that cannot be read", "epoch", rec.Epoch, "seq", rec.Seq, "err", err)
			s.Outbox.Ack(position)
			continue
		}
		e := envelope{device: s.device, timestamp: s.Timestamp, epoch: rec.Epoch, seq: rec.Seq}
		payload := r.appendMessage(make([]byte, 0, len(r.body)+len(s.device)+100), e)
		s.track(position, s.conn.Publish(string(r.topic), r.qos, r.retain, payload))
	}
	return nil
}

func (s *session) track(position outbox.Position, token mqtt.Token) {
	s.underway[(s.head+s.count)%window] = delivery{position, token, time.Now()}
	s.count++
	if !s.watching {
		s.watching = true
		s.watchdog.Reset(overdue)
	}
}

// oldest is done when the oldest message under way is.
func (s *session) oldest() <-chan struct{} {
	if s.count == 0 {
		return nil
	}
	return s.underway[s.head].token.Done()
}

// settle deletes what has been acknowledged, from the oldest on.
func (s *session) settle() error {
	for s.count > 0 {
		d := &s.underway[s.head]
		select {
		case <-d.token.Done():
		default:
			return nil
		}
		if err := d.token.Error(); err != nil {
			return fmt.Errorf("%w: %w", errClosed, err)
		}
		s.Outbox.Ack(d.position)
		*d = delivery{}
		s.head = (s.head + 1) % window
		s.count--
	}
	return nil
}

// watch ends the session when the oldest message has waited too long: the
// connection may look alive for a long time after the broker is gone. The
// timer is set anew only when it has fired, not for each message.
func (s *session) watch() error {
	if s.count == 0 {
		s.watching = false
		return nil
	}
	left := overdue - time.Since(s.underway[s.head].at)
	if left <= 0 {
		return fmt.Errorf("the broker has not acknowledged a message for %v", overdue)
	}
	s.watchdog.Reset(left)
	return nil
}

// finish sends what the outbox still holds and waits for the window.
func (s *session) finish(ctx context.Context) {
	for {
		select {
		case a := <-s.answers:
			s.conn.Publish(s.Topics.Ack, 1, false, a)
			continue
		default:
		}
		s.more = true
		if err := s.send(); err != nil || s.count == 0 {
			return
		}
		select {
		case <-s.oldest():
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

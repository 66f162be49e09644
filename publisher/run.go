package publisher

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"
)

const (
	firstBackoff   = time.Second
	maxBackoff     = 60 * time.Second
	loginBackoff   = 30 * time.Second
	refusedBackoff = 800 * time.Millisecond
	// goodSession is how long a connection that delivered nothing must have
	// lasted for the next attempt to come as soon as after the first loss.
	goodSession = 10 * time.Second
	// shortSession is one that somebody may have ended by logging in with the
	// same client id; suspicious is how many of them in a row are.
	shortSession = 5 * time.Second
	suspicious   = 3
)

// Run keeps a connection to a broker and sends what the outbox holds, until
// ctx ends; it then says goodbye, for which it takes up to five seconds. What
// goes wrong with brokers it logs and tries again; it returns nil.
func (p *Publisher) Run(ctx context.Context) error {
	var b backoff
	said := map[string]string{} // the last failure logged of each broker, so that each is logged once
	refused := map[string]refusal{}
	short := 0 // sessions in a row that ended soon
	for next := 0; ; next++ {
		broker := p.Brokers[next%len(p.Brokers)]
		name := broker.Redacted()
		conn, err := (*Conn)(nil), refused[name].err
		if err == nil || time.Now().After(refused[name].until) {
			conn, err = Connect(ctx, broker, p.Login)
		}
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if err != nil {
			level := slog.LevelDebug
			if text := err.Error(); text != said[name] {
				said[name] = text
				level = slog.LevelWarn
			}
			p.Log.Log(ctx, level, "no broker", "err", err)
			if errors.Is(err, ErrLogin) && err != refused[name].err {
				refused[name] = refusal{err, time.Now().Add(loginBackoff)}
			}
			// Each broker is asked once before any is asked again.
			if b.failed(err); (next+1)%len(p.Brokers) == 0 {
				if !pause(ctx, b.next()) {
					return nil
				}
			}
			continue
		}
		delete(said, name)
		delete(refused, name)
		p.Log.Info("connected", "broker", name)
		began := time.Now()
		s := newSession(p, conn)
		err = s.run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		p.Log.Warn("connection lost", "broker", name, "err", err)
		if short++; time.Since(began) >= shortSession {
			short = 0
		}
		if short == suspicious {
			p.Log.Warn("brokers close the connection soon after the login, again and again: "+SameClientID,
				"client_id", p.Login.ClientID)
		}
		if s.delivered && short < suspicious || time.Since(began) >= goodSession {
			b = backoff{}
		}
		if !pause(ctx, b.next()) {
			return nil
		}
	}
}

// refusal is a broker's answer to a login. It is not asked again before a time,
// however often the others of the list are: it would answer the same, or count
// the attempts and lock the account.
type refusal struct {
	err   error
	until time.Time
}

// backoff is how long to wait before asking the brokers again.
type backoff struct {
	ceiling time.Duration

	// Of the attempts since the last pause:
	attempts int
	refused  int // found nobody listening: the machine is there, the broker may be back any moment
	logins   int // were refused their login
}

func (b *backoff) failed(err error) {
	b.attempts++
	switch {
	case errors.Is(err, ErrLogin):
		b.logins++
	case errors.Is(err, ErrRefused):
		b.refused++
	}
}

// next returns a random time up to a ceiling that doubles with each failure
// (full jitter), so that a thousand agents that lost the same broker do not
// come back in step. A broker that is merely not running is asked again within
// a second: that costs nobody anything. One that refused the login is given
// time: the answer will not change by itself.
func (b *backoff) next() time.Duration {
	refused, hopeless := b.refused > 0, b.logins > 0 && b.logins == b.attempts
	b.attempts, b.refused, b.logins = 0, 0, 0
	switch {
	case hopeless:
		return loginBackoff + rand.N(loginBackoff)
	case refused:
		return rand.N(refusedBackoff)
	}
	b.ceiling = min(max(firstBackoff, 2*b.ceiling), maxBackoff)
	return rand.N(b.ceiling)
}

// pause waits for d; false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

package publisher

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	firstBackoff   = time.Second
	maxBackoff     = 60 * time.Second
	loginBackoff   = 30 * time.Second
	refusedBackoff = 800 * time.Millisecond
	// goodSession is how long a connection must have lasted for the next
	// attempt to come as soon as after the first loss.
	goodSession = 10 * time.Second
)

// Run keeps a connection to a broker and sends what the outbox holds, until
// ctx ends; it then says goodbye, for which it takes up to five seconds. What
// goes wrong with brokers it logs and tries again; it returns nil.
func (p *Publisher) Run(ctx context.Context) error {
	var b backoff
	var said string // the last failure logged, so that each is logged once
	for next := 0; ; next++ {
		broker := p.Brokers[next%len(p.Brokers)]
		conn, err := Connect(ctx, broker, p.Login)
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if err != nil {
			if text := err.Error(); text != said {
				said = text
				p.Log.Warn("no broker", "err", err)
			} else {
				p.Log.Debug("no broker", "err", err)
			}
			// Each broker is asked once before any is asked again.
			if b.failed(err); (next+1)%len(p.Brokers) == 0 {
				if !pause(ctx, b.next()) {
					return nil
				}
			}
			continue
		}
		said, b.refused, b.login = "", false, false
		p.Log.Info("connected", "broker", broker.Redacted())
		began := time.Now()
		s := newSession(p, conn)
		err = s.run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		p.Log.Warn("connection lost", "broker", broker.Redacted(), "err", err)
		if lasted := time.Since(began); lasted >= goodSession {
			b = backoff{}
		} else if lasted < 5*time.Second && errors.Is(err, errClosed) {
			p.Log.Warn("the broker closed the connection soon after the login: does another client use the same client id?",
				"client_id", p.Login.ClientID)
		}
		if !pause(ctx, b.next()) {
			return nil
		}
	}
}

// backoff is how long to wait before asking the brokers again.
type backoff struct {
	ceiling time.Duration
	refused bool // nobody listened: the machine is there, the broker may be back any moment
	login   bool
}

func (b *backoff) failed(err error) {
	b.refused = errors.Is(err, ErrRefused)
	b.login = errors.Is(err, ErrLogin)
}

// next returns a random time up to a ceiling that doubles with each failure
// (full jitter), so that a thousand agents that lost the same broker do not
// come back in step. A broker that is merely not running is asked again within
// a second: that costs nobody anything. One that refused the login is given
// time: the answer will not change by itself.
func (b *backoff) next() time.Duration {
	switch {
	case b.login:
		return loginBackoff + rand.N(loginBackoff)
	case b.refused:
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

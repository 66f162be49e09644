package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"sync"
	"time"

	"sensor-agent/internal/advice"
	"sensor-agent/publisher"
)

const (
	echoTime = 3 * time.Second // for a message to go to the broker and back
	askTime  = 5 * time.Second // for a question about it
)

// slowBroker is what to do about a broker that took a login a moment ago.
const slowBroker = "see the log of the broker: is it overloaded?"

// Brokers connects to each of the brokers, as an agent does but under another
// client id, and returns the first that takes the login, nil if none does. u is
// the unit whose agent it is, or nil.
func Brokers(ctx context.Context, urls []*url.URL, login publisher.Login, u *Unit) (*url.URL, []Finding) {
	errs := make([]error, len(urls))
	var wg sync.WaitGroup
	for i, b := range urls {
		wg.Go(func() {
			var conn *publisher.Conn
			if conn, errs[i] = publisher.Connect(ctx, b, beside(login)); errs[i] == nil {
				conn.Close()
			}
		})
	}
	wg.Wait()
	var first *url.URL
	for i, err := range errs {
		if err == nil && first == nil {
			first = urls[i]
		}
	}
	var found []Finding
	for i, err := range errs {
		if err == nil {
			found = append(found, ok(Broker, "%s takes the login", urls[i].Redacted()))
			continue
		}
		f := failure(Broker, err, "check mqtt in the configuration")
		if first != nil { // an agent goes on to the next of its list
			f.Status = Warning
		}
		if errors.Is(err, publisher.ErrLogin) && u.hidesPassword() {
			f.Status, f.Do = Skipped, "only root can read the service's password: run this with sudo"
		}
		found = append(found, f)
	}
	return first, found
}

// beside returns the login under a client id of its own, so that the agent's
// connection is left in peace.
func beside(login publisher.Login) publisher.Login {
	login.ClientID += fmt.Sprintf("-doctor-%06x", rand.N(1<<24))
	return login
}

// An echo is what became of a message.
type echo struct {
	err        error // the broker could not be asked, or ended the connection
	refused    error // the subscription was
	came       bool  // it came back
	permission publisher.Permission
}

// shout subscribes to a topic, publishes on it and listens. A broker that does
// not let a message pass says nothing of it in MQTT 3.1.1, so when nothing
// comes back it is asked whether publishing or reading is what it does not
// allow.
func shout(ctx context.Context, broker *url.URL, login publisher.Login, topic string, payload []byte) (e echo) {
	conn, err := publisher.Connect(ctx, broker, beside(login))
	if err != nil {
		return echo{err: err}
	}
	defer conn.Close()
	came := make(chan struct{}, 1)
	e.refused = conn.Subscribe(ctx, topic, func(r publisher.Received) {
		if !r.Retained && bytes.Equal(r.Payload, payload) {
			select {
			case came <- struct{}{}:
			default:
			}
		}
	})
	if e.refused != nil && !errors.Is(e.refused, publisher.ErrSubscription) {
		return echo{err: e.refused}
	}
	conn.Publish(topic, 1, false, payload)
	if e.refused == nil {
		select {
		case <-came:
			e.came = true
			return e
		case err := <-conn.Lost():
			e.err = advice.To(fmt.Errorf("the connection was lost when a message was published on %s: %w", topic, err), publisher.AllowIt)
			return e
		case <-time.After(echoTime):
		case <-ctx.Done():
		}
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	e.permission = publisher.MayPublish(ctx, broker, beside(login), topic, payload)
	return e
}

// A Message is what the agent would publish on a topic now. An empty one stands
// for a stream of which nothing could be read.
type Message struct {
	Topic   string
	Payload []byte
}

// Publishing says of each topic whether the broker lets the agent publish on
// it, by publishing the message there: not retained, so that what the broker
// has kept stays.
func Publishing(ctx context.Context, broker *url.URL, login publisher.Login, messages []Message) []Finding {
	var checks []func() []Finding
	for _, m := range messages {
		checks = append(checks, func() []Finding {
			if len(m.Payload) == 0 {
				return []Finding{skip(Publish, "%s: nothing good could be read, so there is nothing to publish", m.Topic)}
			}
			return []Finding{published(m.Topic, shout(ctx, broker, login, m.Topic, m.Payload))}
		})
	}
	return Together(checks...)
}

func published(topic string, e echo) Finding {
	switch {
	case e.err != nil:
		return failure(Publish, e.err, slowBroker)
	case e.came:
		return ok(Publish, "%s: a message came back", topic)
	case e.permission == publisher.Granted:
		return ok(Publish, "%s: the broker takes it (this user may not read it back, which the agent does not need)", topic)
	case e.permission == publisher.Denied:
		return Finding{Publish, Failed, topic + ": the broker throws away what this user publishes there", publisher.AllowIt}
	}
	return Finding{
		Publish, Failed, topic + ": what was published did not come back: this user may not publish there, or not read it",
		publisher.AllowIt + "; reading too, to have this proved",
	}
}

// Control says whether commands can arrive on a topic. It sends an empty one
// there, which agents pass over.
func Control(ctx context.Context, broker *url.URL, login publisher.Login, topic string) Finding {
	if topic == "" {
		return skip(Commands, "remote control is off (control.topic is empty)")
	}
	e := shout(ctx, broker, login, topic, nil)
	switch {
	case e.err != nil:
		return failure(Commands, e.err, slowBroker)
	case e.refused != nil:
		return failure(Commands, e.refused, "")
	case e.came:
		return ok(Commands, "%s: what is sent there arrives", topic)
	case e.permission == publisher.Granted:
		return Finding{Commands, Failed, topic + ": the broker accepts the subscription and delivers nothing", publisher.AllowIt}
	}
	return ok(Commands, "%s: the broker accepts the subscription; that commands arrive is not proved, as this user may not send any", topic)
}

// NoLogin is about a password that cannot be read. u is the unit whose agent it
// is, or nil.
func NoLogin(err error, u *Unit) Finding {
	if u != nil && os.Getuid() != 0 && errors.Is(err, fs.ErrPermission) {
		return skip(Broker, "only the service may read its password: run this as root, with sudo")
	}
	return failure(Broker, err, "see mqtt.password_file in docs/mqtt.md")
}

// NoBroker is what there is to say of the checks that need a broker, without
// one.
func NoBroker() []Finding {
	const why = "not checked, as no broker takes the login"
	return []Finding{skip(Publish, why), skip(Commands, why), skip(ClientID, why)}
}

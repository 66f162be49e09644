package publisher

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"sensor-agent/internal/advice"
)

const (
	connectTimeout = 10 * time.Second
	writeTimeout   = 5 * time.Second
	keepAlive      = 10 * time.Second
	pingTimeout    = 5 * time.Second
)

// Login is as whom and how to connect to a broker.
type Login struct {
	ClientID string
	Username string
	Password string
	TLS      TLS
	Will     *Will // nil for none

	limit int // where incoming messages are cut; 0: nowhere
}

// Will is what the broker publishes, retained and at QoS 1, when the
// connection ends without a goodbye.
type Will struct {
	Topic   string
	Payload string
}

// A Received is a message that came for a subscription.
type Received struct {
	Topic    string
	Payload  []byte
	QoS      byte
	Retained bool // the broker had kept it
}

// Conn is one MQTT connection, from connect to its end: it never reconnects.
//
// It is paho underneath, with everything off that would hide the truth: paho's
// own reconnecting reports messages as delivered that no broker acknowledged,
// and its stores resend in random order. A connection that has ended says so
// once, on Lost, and every token still open then ends with an error.
type Conn struct {
	client  mqtt.Client
	lost    chan error
	receive atomic.Pointer[func(Received)]
	wire    net.Conn // underneath
}

// Connect connects to one broker, within ten seconds. Its errors are for a
// person: they say what failed and what to do. A refused login is [ErrLogin].
func Connect(ctx context.Context, broker *url.URL, login Login) (*Conn, error) {
	c := &Conn{lost: make(chan error, 1)}
	var opened *wire
	o := mqtt.NewClientOptions().
		SetClientID(login.ClientID).
		SetUsername(login.Username).
		SetPassword(login.Password).
		SetProtocolVersion(4). // 3.1.1, or paho falls back to 3.1 after one bad handshake and stays there
		SetCleanSession(true).
		SetAutoReconnect(false).
		SetConnectRetry(false).
		SetConnectTimeout(connectTimeout).
		SetKeepAlive(keepAlive).
		SetPingTimeout(pingTimeout).
		SetWriteTimeout(writeTimeout).
		SetOrderMatters(true). // commands in the order they came; our handlers never block
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
			var err error
			opened, err = dial(ctx, broker, login.TLS, connectTimeout, login.limit)
			if err != nil {
				return nil, err
			}
			return opened, nil
		}).
		SetDefaultPublishHandler(c.received).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { c.lost <- explainLost(err) })
	o.AddBroker(broker.String())
	if login.Will != nil {
		o.SetWill(login.Will.Topic, login.Will.Payload, 1, true)
	}
	c.client = mqtt.NewClient(o)
	t := c.client.Connect()
	select {
	case <-t.Done():
	case <-ctx.Done():
		// The dial heeds ctx too; the handshake has its own deadline.
		go func() { <-t.Done(); c.client.Disconnect(0) }()
		return nil, explain(broker, login, false, ctx.Err())
	}
	if err := t.Error(); err != nil {
		if opened != nil && opened.readErr != nil && !answered(err) {
			err = opened.readErr
		}
		return nil, explain(broker, login, opened != nil, err)
	}
	c.wire = opened
	return c, nil
}

// Lost receives the reason when the connection ends by itself.
func (c *Conn) Lost() <-chan error { return c.lost }

// Publish hands a message to the connection. The payload must not change until
// the token is done. A token done without an error is a message the broker has
// acknowledged (QoS 1) or that has been written to the connection (QoS 0).
func (c *Conn) Publish(topic string, qos byte, retain bool, payload []byte) mqtt.Token {
	return c.client.Publish(topic, qos, retain, payload)
}

// Send publishes and waits for the end of it.
func (c *Conn) Send(ctx context.Context, topic string, qos byte, retain bool, payload []byte) error {
	return await(ctx, c.Publish(topic, qos, retain, payload))
}

// Subscribe asks for messages at QoS 1 and waits for the broker's word. From
// then on receive is called for every message of the connection, once,
// whichever subscription it came by; one at a time, in order. It must not
// block.
func (c *Conn) Subscribe(ctx context.Context, topic string, receive func(Received)) error {
	c.receive.Store(&receive)
	// With a callback of its own per subscription, paho would call several for
	// one message.
	t := c.client.Subscribe(topic, 1, nil)
	if err := await(ctx, t); err != nil {
		return fmt.Errorf("subscribing to %s: %w", topic, err)
	}
	if granted := t.(*mqtt.SubscribeToken).Result()[topic]; granted == 0x80 { // MQTT 3.1.1 §3.9.3
		return advice.To(fmt.Errorf("%w: subscribing to %s", ErrSubscription, topic), AllowIt)
	}
	return nil
}

func (c *Conn) received(_ mqtt.Client, m mqtt.Message) {
	if receive := c.receive.Load(); receive != nil {
		(*receive)(Received{Topic: m.Topic(), Payload: m.Payload(), QoS: m.Qos(), Retained: m.Retained()})
	}
}

// Close says goodbye: the broker does not publish the will. What is not
// acknowledged by then has failed.
func (c *Conn) Close() { c.client.Disconnect(250) }

// Abort closes without a goodbye, for a peer that no longer listens: the broker
// publishes the will. paho by itself may still send its goodbye.
func (c *Conn) Abort() {
	_ = c.wire.Close() // what is wrong with it is known
	c.client.Disconnect(0)
}

func await(ctx context.Context, t mqtt.Token) error {
	deadline := time.NewTimer(connectTimeout)
	defer deadline.Stop()
	select {
	case <-t.Done():
		switch err := t.Error(); {
		case err == nil:
			return nil
		case errors.Is(err, mqtt.ErrInvalidTopicMultilevel), errors.Is(err, mqtt.ErrInvalidTopicEmptyString):
			return err // it was not sent
		default:
			return fmt.Errorf("connection lost: %w", explainLost(err))
		}
	case <-deadline.C:
		return errors.New("no answer from the broker for 10s")
	case <-ctx.Done():
		return ctx.Err()
	}
}

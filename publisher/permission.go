package publisher

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
)

// A Permission is what a broker says of a topic.
type Permission int

// The answers of a broker.
const (
	Unknown Permission = iota // it does not say: it speaks no MQTT 5, for one
	Granted
	Denied
)

// MayPublish asks a broker whether a login may publish on a topic. In MQTT
// 3.1.1 there is no such question, and no word for the answer: a broker that
// does not let a message through acknowledges it all the same. So this is MQTT
// 5: a message at QoS 2, of which the broker says what it thinks before it is
// released (§3.5.2.1), which then never happens. Some brokers deliver it
// nevertheless (§4.3.3 lets them), so payload has to be fit for that.
func MayPublish(ctx context.Context, broker *url.URL, login Login, topic string, payload []byte) Permission {
	conn, err := dial(ctx, broker, login.TLS, connectTimeout, 0)
	if err != nil {
		return Unknown
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	q := question{conn, bufio.NewReader(conn)}
	permission, err := q.ask(connectPacket(broker, login), topic, payload)
	if err != nil {
		return Unknown
	}
	return permission
}

// Packets of MQTT 5 by their first byte, and a reason code: all that is needed
// to ask.
const (
	connectV5    = 0x10
	connackV5    = 0x20
	publishQoS2  = 0x34
	pubrecV5     = 0x50
	disconnectV5 = 0xE0

	firstFailure  = 0x80 // reason codes from here on
	notAuthorized = 0x87
)

// question is a connection on which one question is asked.
type question struct {
	out io.Writer
	in  *bufio.Reader
}

func (q question) ask(connect []byte, topic string, payload []byte) (Permission, error) {
	if err := q.send(connectV5, connect); err != nil {
		return Unknown, err
	}
	kind, body, err := q.receive()
	if err != nil {
		return Unknown, err
	}
	if kind != connackV5 || len(body) < 2 || body[1] != 0 {
		return Unknown, errors.New("no connection by MQTT 5")
	}
	publish := appendString(nil, topic)
	publish = append(publish, 0, 1, 0) // packet identifier 1, no properties
	if err := q.send(publishQoS2, append(publish, payload...)); err != nil {
		return Unknown, err
	}
	for {
		kind, body, err := q.receive()
		if err != nil {
			return Unknown, err
		}
		reason := byte(0) // left out when the message is welcome
		switch {
		case kind == pubrecV5 && len(body) > 2:
			reason = body[2]
		case kind == disconnectV5 && len(body) > 0:
			reason = body[0]
		}
		switch {
		case kind != pubrecV5 && kind != disconnectV5:
			continue
		case reason == notAuthorized:
			return Denied, nil
		case kind == disconnectV5 || reason >= firstFailure:
			return Unknown, fmt.Errorf("reason %#02x", reason)
		}
		return Granted, q.send(disconnectV5, nil)
	}
}

func (q question) send(kind byte, body []byte) error {
	packet := binary.AppendUvarint([]byte{kind}, uint64(len(body))) // MQTT counts as protocol buffers do
	_, err := q.out.Write(append(packet, body...))
	return err
}

func (q question) receive() (kind byte, body []byte, err error) {
	if kind, err = q.in.ReadByte(); err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(q.in)
	if err != nil {
		return 0, nil, err
	}
	const most = 64 << 10 // what answers need is a few bytes
	if n > most {
		return 0, nil, fmt.Errorf("answer of %d bytes", n)
	}
	body = make([]byte, n)
	_, err = io.ReadFull(q.in, body)
	return kind & 0xF0, body, err
}

// connectPacket is the body of a CONNECT packet (MQTT 5 §3.1) of a client that
// has no will and leaves nothing behind.
func connectPacket(broker *url.URL, login Login) []byte {
	user, password := login.Username, login.Password
	if broker.User != nil {
		user = broker.User.Username()
		if p, ok := broker.User.Password(); ok {
			password = p
		}
	}
	const cleanStart, hasPassword, hasUser = 1 << 1, 1 << 6, 1 << 7
	flags := byte(cleanStart)
	if user != "" {
		flags |= hasUser
	}
	if password != "" {
		flags |= hasPassword
	}
	body := appendString(nil, "MQTT")
	body = append(body, 5, flags, 0, 0, 0) // version 5, no keep-alive, no properties
	body = appendString(body, login.ClientID)
	if user != "" {
		body = appendString(body, user)
	}
	if password != "" {
		body = appendString(body, password)
	}
	return body
}

func appendString(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

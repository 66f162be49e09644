package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// Packet types of MQTT 3.1.1 §2.2.1, with the flags they must carry.
const (
	packetConnect   = 0x10
	packetConnack   = 0x20
	packetPublish   = 0x30
	packetSubscribe = 0x82
	packetSuback    = 0x90
)

// client is the stopwatch: an MQTT connection that takes the time as each
// message arrives, in the goroutine that asked for it. A library would hand
// the message on through goroutines of its own first, and their delays would
// be counted as the agent's.
type client struct {
	conn   net.Conn
	in     *bufio.Reader
	unhook func() bool
	body   []byte // of the message that came last, its topic included
}

// dialTimeout bounds each wait for the broker's answer.
const dialTimeout = 5 * time.Second

// subscribe connects to the broker and subscribes to topic at QoS 0. Waiting
// ends with ctx.
func subscribe(ctx context.Context, port int, topic string) (*client, error) {
	conn, err := net.DialTimeout("tcp", loopback(port), dialTimeout)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}
	c.unhook = context.AfterFunc(ctx, func() { conn.Close() })
	if err := c.open(topic); err != nil {
		c.close()
		return nil, fmt.Errorf("subscribing to %s: %w", topic, err)
	}
	return c, nil
}

func (c *client) open(topic string) error {
	if err := c.conn.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return err
	}
	// Clean session, no keep-alive, and an empty client id: the broker makes one up (§3.1).
	connect := append(appendString(nil, "MQTT"), 4, 2, 0, 0)
	if err := c.ask(packetConnect, appendString(connect, ""), packetConnack); err != nil {
		return err
	}
	if err := c.ask(packetSubscribe, append(appendString([]byte{0, 1}, topic), 0), packetSuback); err != nil {
		return err
	}
	return c.conn.SetDeadline(time.Time{})
}

// ask sends a packet and takes the answer, which must be of the given type.
func (c *client) ask(kind byte, body []byte, answer byte) error {
	if err := c.send(kind, body); err != nil {
		return err
	}
	got, body, err := readPacket(c.in)
	if err != nil {
		return err
	}
	if refused := body[len(body)-1]; got != answer || refused != 0 {
		return fmt.Errorf("the broker answered packet %#x with %#x, code %d", kind, got, refused)
	}
	return nil
}

func (c *client) send(kind byte, body []byte) error {
	// Lengths count in base 128 (§2.2.3) as Go's varints do.
	packet := binary.AppendUvarint([]byte{kind}, uint64(len(body)))
	_, err := c.conn.Write(append(packet, body...))
	return err
}

// publish sends a message at QoS 0.
func (c *client) publish(topic, payload string) error {
	return c.send(packetPublish, append(appendString(nil, topic), payload...))
}

// next waits for the next message and returns when it arrived.
func (c *client) next(patience time.Duration) (time.Time, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return time.Time{}, err
	}
	for {
		if _, err := c.in.Peek(1); err != nil {
			return time.Time{}, fmt.Errorf("waiting %v for a message: %w", patience, err)
		}
		now := time.Now()
		kind, body, err := readPacket(c.in)
		if err != nil {
			return time.Time{}, fmt.Errorf("receiving a message: %w", err)
		}
		if kind&0xf0 == packetPublish {
			c.body = body
			return now, nil
		}
	}
}

func (c *client) close() {
	c.unhook()
	c.conn.Close()
}

// readPacket reads one packet: its first byte, and what follows the length.
func readPacket(r *bufio.Reader) (kind byte, body []byte, err error) {
	if kind, err = r.ReadByte(); err != nil {
		return 0, nil, err
	}
	length, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, nil, err
	}
	if length == 0 || length > 1<<16 {
		return 0, nil, fmt.Errorf("packet %#x of %d bytes", kind, length)
	}
	body = make([]byte, length)
	_, err = io.ReadFull(r, body)
	return kind, body, err
}

func appendString(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
	return append(dst, s...)
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

package powercut

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"sensor-agent/internal/need"
)

// A sink is the broker and its subscriber in one: it acknowledges a message
// when it has noted it, so that what was acknowledged was received. It speaks as
// much of MQTT 3.1.1 as one agent needs.
type sink struct {
	received
	serving sync.WaitGroup

	mu       sync.Mutex
	addr     string
	listener net.Listener // nil while it is down
	conns    map[net.Conn]bool
}

// newSink starts a sink. It is stopped when the test ends.
func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{addr: need.Addr(t), conns: map[net.Conn]bool{}, received: received{times: map[id]int{}}}
	s.up(t)
	t.Cleanup(s.down)
	return s
}

// up makes the sink listen, always on the same port.
func (s *sink) up(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return
	}
	l, err := need.Listen(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	s.listener, s.addr = l, l.Addr().String()
	s.serving.Go(func() { s.accept(l) })
}

// down ends all connections. When it returns, nothing more is noted.
func (s *sink) down() {
	s.mu.Lock()
	if s.listener != nil {
		s.listener.Close()
		s.listener = nil
	}
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

func (s *sink) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.listener == l {
			s.conns[conn] = true
			s.serving.Go(func() { s.serve(conn) })
		} else {
			conn.Close()
		}
		s.mu.Unlock()
	}
}

func (s *sink) serve(conn net.Conn) {
	defer func() {
		conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	in := bufio.NewReader(conn)
	var lanes [2]id // the last reading of each
	for {
		head, body, err := readPacket(in)
		if err != nil {
			return
		}
		var reply []byte
		switch head >> 4 {
		case 1: // CONNECT
			reply = []byte{0x20, 2, 0, 0}
		case 3: // PUBLISH
			n := 2 + int(binary.BigEndian.Uint16(body))
			topic, payload := string(body[2:n]), body[n:]
			if head&0x06 != 0 { // QoS 1 has an identifier
				reply = []byte{0x40, 2, payload[0], payload[1]}
				payload = payload[2:]
			}
			s.note(topic, payload, &lanes)
		case 8: // SUBSCRIBE
			reply = []byte{0x90, 3, body[0], body[1], 0}
		case 12: // PINGREQ
			reply = []byte{0xd0, 0}
		case 14: // DISCONNECT
			return
		}
		if _, err := conn.Write(reply); err != nil {
			return
		}
	}
}

// readPacket reads a control packet: its first byte, and what follows the
// length.
func readPacket(in *bufio.Reader) (head byte, body []byte, err error) {
	if head, err = in.ReadByte(); err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(in) // the encoding is the same
	if err != nil {
		return 0, nil, err
	}
	if n > 1<<20 {
		return 0, nil, fmt.Errorf("a packet of %d bytes", n)
	}
	body = make([]byte, n)
	_, err = io.ReadFull(in, body)
	return head, body, err
}

// send publishes a message to the agent, if it is connected.
func (s *sink) send(topic, payload string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	packet := []byte{0x30, byte(2 + len(topic) + len(payload)), 0, byte(len(topic))}
	packet = append(packet, topic+payload...)
	for c := range s.conns {
		c.Write(packet)
	}
}

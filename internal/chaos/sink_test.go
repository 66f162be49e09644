package chaos

import (
	"bufio"
	"net"
	"sync"
	"testing"

	"sensor-agent/internal/need"
)

// A sink is a broker that writes down each message before it acknowledges it,
// in a book that outlives its death: what it has acknowledged is what an agent
// may forget. It forwards nothing.
type sink struct {
	addr   string
	record func(conn int, m message)

	mu       sync.Mutex
	listener net.Listener // nil while it is dead
	deaths   int          // that have not ended
	conns    map[net.Conn]bool
	accepted int
	wg       sync.WaitGroup
}

// startSink starts a sink; record is called for each message, with the number
// of the connection it came by.
func startSink(t *testing.T, record func(conn int, m message)) *sink {
	t.Helper()
	s := &sink{addr: need.Addr(t), record: record, conns: map[net.Conn]bool{}}
	s.deaths = 1
	if err := s.up(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.down(); s.wg.Wait() })
	return s
}

// up ends a death; after the last of several it listens again.
func (s *sink) up() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deaths--; s.deaths > 0 {
		return nil
	}
	l, err := need.Listen(s.addr)
	if err != nil {
		return err
	}
	s.listener, s.addr = l, l.Addr().String()
	s.wg.Go(func() { s.accept(l) })
	return nil
}

// down dies as a killed broker does: nobody listens, all connections are cut.
func (s *sink) down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaths++
	if s.listener == nil {
		return
	}
	s.listener.Close()
	s.listener = nil
	for c := range s.conns {
		c.Close()
	}
}

func (s *sink) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.accepted++
		number := s.accepted
		dead := s.listener != l
		s.conns[c] = true
		s.mu.Unlock()
		if dead {
			c.Close()
		}
		s.wg.Go(func() {
			s.serve(c, number)
			c.Close()
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		})
	}
}

func (s *sink) serve(c net.Conn, number int) {
	r := bufio.NewReader(c)
	for {
		p, err := readPacket(r)
		if err != nil || p.kind() == disconnect {
			return
		}
		if _, err := c.Write(s.answer(p, number)); err != nil {
			return
		}
	}
}

// answer obeys a packet and returns what a broker says to it.
func (s *sink) answer(p packet, number int) []byte {
	switch p.kind() {
	case connect:
		return []byte{2 << 4, 2, 0, 0} // CONNACK: accepted, no session kept
	case publish:
		m, err := p.message()
		if err != nil {
			return nil
		}
		s.record(number, m)
		if m.qos > 0 {
			return []byte{puback << 4, 2, byte(m.id >> 8), byte(m.id)}
		}
	case subscribe: // to one topic
		return []byte{9 << 4, 3, byte(p.id() >> 8), byte(p.id()), 1} // SUBACK: QoS 1
	case pingreq:
		return []byte{13 << 4, 0}
	}
	return nil
}

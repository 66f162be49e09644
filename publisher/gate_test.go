package publisher

import (
	"net"
	"sync"
	"testing"
)

// A gate is a way to a broker on which connections wait while it is shut.
type gate struct {
	listener net.Listener

	mu     sync.Mutex
	opened chan struct{} // closed while the gate is open
}

// newGate makes a gate to a broker's address that is open.
func newGate(t *testing.T, broker string) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	g := &gate{listener: l, opened: make(chan struct{})}
	g.open()
	ctx := t.Context()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				select {
				case <-g.way():
					forward(conn, broker)
				case <-ctx.Done():
					conn.Close()
				}
			}()
		}
	}()
	return g
}

func (g *gate) url() string { return "tcp://" + g.listener.Addr().String() }

// way is closed when connections may pass that come now.
func (g *gate) way() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened
}

// shut lets wait the connections that come from now on.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = make(chan struct{})
}

// open lets them pass.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.opened)
}

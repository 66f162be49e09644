package chaos

import (
	"bufio"
	"net"
	"sync"
	"testing"
	"time"

	"sensor-agent/internal/need"
)

// A fault is something that goes wrong between an agent and its broker.
type fault string

// The faults of a network.
const (
	reset     fault = "reset"     // the connection is cut, at an instant
	refused   fault = "refused"   // nobody listens, the connection is cut
	stalled   fault = "stalled"   // nothing moves, then everything goes on
	blackhole fault = "blackhole" // everything is taken and nothing delivered
	deaf      fault = "deaf"      // acknowledgements get lost
)

// A proxy stands between an agent and its broker and has faults when told to,
// also several at once. A connection of which bytes were lost is cut when the
// fault ends: TCP never goes on behind a hole.
type proxy struct {
	addr   string
	broker string
	watch  func(link int, up bool, p packet) // sees what is forwarded; may be nil

	mu       sync.Mutex
	listener net.Listener
	links    map[*link]bool
	carried  int // links so far
	active   map[fault]int
	changed  chan struct{}  // closed when active has changed
	hit      map[fault]int  // what each fault did: links it cut, packets it took or held
	wg       sync.WaitGroup // of all goroutines
}

// A link is one connection of an agent, carried on to the broker.
type link struct {
	number        int
	agent, broker *net.TCPConn
	torn          bool          // something of it was lost
	done          chan struct{} // closed when it is cut
}

// startProxy starts a proxy for the broker at an address.
func startProxy(t *testing.T, broker string, watch func(link int, up bool, p packet)) *proxy {
	t.Helper()
	p := &proxy{
		addr: need.Addr(t), broker: broker, watch: watch,
		links: map[*link]bool{}, active: map[fault]int{}, hit: map[fault]int{},
		changed: make(chan struct{}),
	}
	if err := p.listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.begin(refused)
		p.wg.Wait()
	})
	return p
}

func (p *proxy) url() string { return "tcp://" + p.addr }

// inject has a fault for a while.
func (p *proxy) inject(f fault, lasts time.Duration) error {
	p.begin(f)
	time.Sleep(lasts)
	return p.end(f)
}

func (p *proxy) begin(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active[f]++
	p.announce()
	switch f {
	case refused:
		p.listener.Close()
		p.cut(f, func(*link) bool { return true })
	case reset:
		p.cut(f, func(*link) bool { return true })
	}
}

func (p *proxy) end(f fault) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active[f]--
	p.announce()
	switch {
	case f == refused && p.active[refused] == 0:
		return p.listen()
	case f == blackhole || f == deaf:
		p.cut(f, func(l *link) bool { return l.torn })
	}
	return nil
}

// hits is how much a fault has done so far.
func (p *proxy) hits(f fault) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hit[f]
}

func (p *proxy) announce() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// cut cuts the links that are meant; p.mu is held.
func (p *proxy) cut(why fault, meant func(*link) bool) {
	for l := range p.links {
		if meant(l) {
			p.drop(l, why == reset)
			p.hit[why]++
		}
	}
}

// drop ends a link; p.mu is held.
func (p *proxy) drop(l *link, hard bool) {
	if !p.links[l] {
		return
	}
	delete(p.links, l)
	close(l.done)
	for _, c := range []*net.TCPConn{l.agent, l.broker} {
		if hard {
			_ = c.SetLinger(0) // RST instead of FIN
		}
		c.Close()
	}
}

func (p *proxy) listen() error {
	l, err := need.Listen(p.addr)
	if err != nil {
		return err
	}
	p.listener, p.addr = l, l.Addr().String()
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.carry(c.(*net.TCPConn)) })
		}
	})
	return nil
}

// carry connects an agent with the broker until one of them or a fault ends it.
func (p *proxy) carry(agent *net.TCPConn) {
	broker, err := net.Dial("tcp", p.broker)
	if err != nil {
		agent.Close()
		return
	}
	l := &link{agent: agent, broker: broker.(*net.TCPConn), done: make(chan struct{})}
	p.mu.Lock()
	p.carried++
	l.number = p.carried
	p.links[l] = true
	if p.active[refused] > 0 {
		p.drop(l, false)
	}
	p.mu.Unlock()
	p.wg.Go(func() { p.pump(l, true) })
	p.pump(l, false)
}

// pump forwards the packets of one direction.
func (p *proxy) pump(l *link, up bool) {
	from, to := l.broker, l.agent
	if up {
		from, to = to, from
	}
	r := bufio.NewReader(from)
	for {
		pkt, err := readPacket(r)
		if err != nil {
			break
		}
		if !p.pass(l, up, pkt) {
			continue
		}
		if p.watch != nil {
			p.watch(l.number, up, pkt)
		}
		if _, err := to.Write(pkt.raw); err != nil {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(l, false)
}

// pass holds a packet as long as nothing moves, and reports whether it is to
// be forwarded.
func (p *proxy) pass(l *link, up bool, pkt packet) bool {
	for held := false; ; held = true {
		p.mu.Lock()
		var taken fault
		switch {
		case p.active[stalled] > 0:
			if !held {
				p.hit[stalled]++
			}
			changed := p.changed
			p.mu.Unlock()
			select {
			case <-changed:
			case <-l.done:
				return false
			}
			continue
		case p.active[blackhole] > 0:
			taken = blackhole
		case p.active[deaf] > 0 && !up && pkt.kind() == puback:
			taken = deaf
		}
		if taken != "" {
			l.torn = true
			p.hit[taken]++
		}
		p.mu.Unlock()
		return taken == ""
	}
}

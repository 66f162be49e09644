package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// brokerConfig keeps the broker out of the measurement: it answers without
// waiting to fill a TCP segment, and drops nothing when flooded.
const brokerConfig = `listener %d 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
max_queued_messages 0
persistence false
log_dest stderr
log_type %s
`

// broker is a mosquitto of our own.
type broker struct {
	*process
	port int
}

// startBroker starts mosquitto on a port of the loopback interface and waits
// until it listens. logs is what it writes to out: "error", or "debug" for a
// line per packet.
func (b *bench) startBroker(ctx context.Context, port int, logs string, out *os.File) (*broker, error) {
	config := filepath.Join(b.dir, fmt.Sprintf("mosquitto-%d.conf", port))
	if err := os.WriteFile(config, fmt.Appendf(nil, brokerConfig, port, logs), 0o644); err != nil {
		return nil, err
	}
	p, err := start(ctx, nil, out, b.mosquittoPath, "-c", config)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(dialTimeout); ; time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", loopback(port))
		if err == nil {
			conn.Close()
			return &broker{p, port}, nil
		}
		if time.Now().After(deadline) {
			p.stop()
			return nil, p.explain(err)
		}
	}
}

// freePort returns a port nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

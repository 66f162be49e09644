// Package broker is an MQTT broker in the agent's own process, for trying the
// agent on a laptop and for tests. It keeps everything in memory and lets
// everybody in, so it listens on loopback only: it is no broker to build on.
package broker

import (
	"fmt"
	"io"
	"log/slog"
	"net"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// DropTestVectors frees the packets that the library tests itself with, in every
// process it is linked into, whether that starts a broker or not: 350 kB, half of
// what an agent keeps on its heap. It is for the beginning of main.
func DropTestVectors() { packets.TPacketData = nil }

// Broker is a running broker. Make one with [Start].
type Broker struct {
	server *mochi.Server
	addr   string
}

// Start starts a broker on a TCP port of the loopback interface; port 0 takes
// a free one. An error wraps the one of net.Listen.
func Start(port int) (*Broker, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	capabilities := mochi.NewDefaultServerCapabilities()
	// Of a subscriber that does not read, no more than this is kept.
	capabilities.MaximumClientWritesPending = 4096
	server := mochi.New(&mochi.Options{
		Capabilities: capabilities,
		Logger:       slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err := server.AddHook(new(auth.AllowHook), nil); err != nil {
		return nil, fmt.Errorf("setting up the broker: %w", err)
	}
	if err := server.AddListener(listeners.NewNet("loopback", l)); err != nil {
		return nil, fmt.Errorf("setting up the broker: %w", err)
	}
	if err := server.Serve(); err != nil {
		return nil, fmt.Errorf("starting the broker: %w", err)
	}
	return &Broker{server: server, addr: l.Addr().String()}, nil
}

// Addr returns where the broker listens: "127.0.0.1:1883".
func (b *Broker) Addr() string { return b.addr }

// URL returns the address as a broker URL.
func (b *Broker) URL() string { return "tcp://" + b.addr }

// Close ends all connections and the broker.
func (b *Broker) Close() error { return b.server.Close() }

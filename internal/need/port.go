package need

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
	"testing"
	"time"
)

// Ports are below those that the kernel gives to outgoing connections (32768
// and up on Linux, higher elsewhere): one of theirs can be taken by any
// connection of any program while the test's server is down for a moment.
const firstPort, lastPort = 10_000, 32_000

// Port returns a TCP port of the loopback interface on which a test may listen,
// and listen again later. It is one that nobody answers on: to listen there as a
// trial would leave the socket, for a moment, with a process being started.
func Port(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return port
		}
		if err == nil {
			c.Close()
		}
	}
	t.Fatalf("no port from %d to %d is free", firstPort, lastPort)
	return 0
}

// Addr returns "127.0.0.1:" and a [Port].
func Addr(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", Port(t))
}

// Listen listens on an address that the test has listened on before. A process
// that was being started at the moment of the former close can hold the socket
// a little longer, so it is tried for a while.
func Listen(addr string) (net.Listener, error) {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		l, err := net.Listen("tcp", addr)
		if err == nil || time.Now().After(deadline) {
			return l, err
		}
	}
}

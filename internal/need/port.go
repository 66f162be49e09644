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
//
// The UDP port of that number, which no test needs, is held until the test ends:
// it tells the tests of all packages that run by then that the number is taken,
// whether somebody listens at the moment or not.
func Port(t testing.TB) int {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort))
		taken, err := net.ListenPacket("udp", addr)
		if err != nil {
			continue
		}
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if errors.Is(err, syscall.ECONNREFUSED) {
			t.Cleanup(func() { taken.Close() })
			return taken.LocalAddr().(*net.UDPAddr).Port
		}
		if err == nil {
			c.Close()
		}
		taken.Close()
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
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		l, err := net.Listen("tcp", addr)
		if err == nil || time.Now().After(deadline) {
			return l, err
		}
	}
}

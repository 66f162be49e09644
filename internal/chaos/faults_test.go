package chaos

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Each fault does to a connection what its name says, and no more.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		fault    fault
		during   string // what becomes of a message while it lasts
		recorded int    // messages that reached the broker by then
		after    string // what comes when it has ended
	}{
		{reset, "reset", 0, "reset"},
		{refused, "cut", 0, "cut"},
		{stalled, "nothing", 0, "acknowledged"},
		{blackhole, "nothing", 0, "cut"},
		{deaf, "nothing", 1, "cut"},
	} {
		t.Run(string(tt.fault), func(t *testing.T) {
			var recorded atomic.Int32
			s := startSink(t, func(int, message) { recorded.Add(1) })
			p := startProxy(t, s.addr, nil)
			c, err := net.Dial("tcp", p.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			hello := []byte{1 << 4, 0, publish<<4 | 1<<1, 5, 0, 1, 't', 0, 9}
			if _, err := c.Write(hello[:2]); err != nil {
				t.Fatal(err)
			}
			if got := next(c, patience); got != "connected" {
				t.Fatal(got)
			}

			p.begin(tt.fault)
			if tt.during == "nothing" {
				if _, err := c.Write(hello[2:]); err != nil {
					t.Fatal(err)
				}
			}
			if got := next(c, 200*time.Millisecond); got != tt.during {
				t.Errorf("while it lasts: %s, want %s", got, tt.during)
			}
			waitFor(t, "what is let through has reached the broker", func() bool { return int(recorded.Load()) >= tt.recorded })
			if got := int(recorded.Load()); got != tt.recorded {
				t.Errorf("%d messages have reached the broker, want %d", got, tt.recorded)
			}
			if err := p.end(tt.fault); err != nil {
				t.Fatal(err)
			}
			if tt.during != tt.after {
				if got := next(c, patience); got != tt.after {
					t.Errorf("when it has ended: %s, want %s", got, tt.after)
				}
			}

			again, err := net.Dial("tcp", p.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if _, err := again.Write(hello); err != nil {
				t.Fatal(err)
			}
			if first, second := next(again, patience), next(again, patience); first != "connected" || second != "acknowledged" {
				t.Errorf("after it, on a new connection: %s, %s", first, second)
			}
		})
	}
}

// Overlapping faults end with the last of them.
func TestFaultsOverlap(t *testing.T) {
	s := startSink(t, func(int, message) {})
	p := startProxy(t, s.addr, nil)
	p.begin(refused)
	p.begin(refused)
	s.down()
	s.down()
	for range 2 {
		if _, err := net.Dial("tcp", p.addr); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("proxy: %v", err)
		}
		if _, err := net.Dial("tcp", s.addr); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("sink: %v", err)
		}
		if err := errors.Join(p.end(refused), s.up()); err != nil {
			t.Fatal(err)
		}
	}
	for _, addr := range []string{p.addr, s.addr} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
}

// next is what comes next on a connection.
func next(c net.Conn, atMost time.Duration) string {
	_ = c.SetReadDeadline(time.Now().Add(atMost))
	var b [4]byte
	_, err := io.ReadFull(c, b[:])
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "nothing"
	case errors.Is(err, io.EOF):
		return "cut"
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case err != nil:
		return err.Error()
	case b[0]>>4 == 2:
		return "connected"
	case b[0]>>4 == puback && b[3] == 9:
		return "acknowledged"
	}
	return "something else"
}

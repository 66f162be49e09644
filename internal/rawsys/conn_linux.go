package rawsys

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// Conn is a TCP connection whose reads and writes are made raw.
type Conn struct {
	*net.TCPConn
	raw syscall.RawConn

	in, out transfer
	rd, wr  func(fd uintptr) bool
}

// transfer holds the arguments and results of a call, so that none allocates.
type transfer struct {
	mu  sync.Mutex // held during the call
	p   []byte
	n   int
	err error
}

// NewConn wraps a connection.
func NewConn(c *net.TCPConn) (*Conn, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	conn := &Conn{TCPConn: c, raw: raw}
	conn.rd = func(fd uintptr) bool { return conn.in.try(fd, read) }
	conn.wr = func(fd uintptr) bool { return conn.out.try(fd, write) }
	return conn, nil
}

// try makes a call and reports whether it got anywhere; if not, the poller
// calls it again when the descriptor is ready.
func (t *transfer) try(fd uintptr, call func(int, []byte) (int, error)) bool {
	for {
		t.n, t.err = call(int(fd), t.p)
		if t.err != syscall.EINTR {
			return t.err != syscall.EAGAIN
		}
	}
}

// Read implements [net.Conn].
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	c.in.p = p
	err := c.raw.Read(c.rd)
	c.in.p = nil
	switch {
	case err != nil: // a deadline, or closed
		return 0, err
	case c.in.err != nil:
		return 0, c.failed("read", c.in.err)
	case c.in.n == 0:
		return 0, io.EOF
	}
	return c.in.n, nil
}

// Write implements [net.Conn].
func (c *Conn) Write(p []byte) (int, error) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	written := 0
	for written < len(p) {
		c.out.p = p[written:]
		err := c.raw.Write(c.wr)
		c.out.p = nil
		switch {
		case err != nil:
			return written, err
		case c.out.err != nil:
			return written, c.failed("write", c.out.err)
		}
		written += c.out.n
	}
	return written, nil
}

// failed makes the error that the net package would have made.
func (c *Conn) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(op, err)}
}

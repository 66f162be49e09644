//go:build !linux

package rawsys

import (
	"net"
	"os"
)

// Conn is a TCP connection like any other: the raw calls are made on Linux
// only.
type Conn struct{ *net.TCPConn }

// NewConn wraps a connection.
func NewConn(c *net.TCPConn) (*Conn, error) { return &Conn{c}, nil }

// WriteAt is [os.File.WriteAt].
func WriteAt(f *os.File, p []byte, off int64) (int, error) { return f.WriteAt(p, off) }

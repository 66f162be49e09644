//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Of USB/IP (Documentation/usb/usbip_protocol.rst of the Linux kernel) this is
// what a device needs that has the control endpoint alone.
const (
	usbSubmit         = 1
	usbUnlink         = 2
	usbSubmitted      = 3
	usbUnlinked       = 4
	usbIn             = 1 // direction
	usbFullSpeed      = 2
	vhci              = "/sys/devices/platform/vhci_hcd.0/"
	adapterNamePrefix = "i2c-tiny-usb"
)

// usbRequest is one request of the kernel. Of an unlink, Flags is the sequence
// number of what is taken back.
type usbRequest struct {
	Command, Seq, Device, Direction, Endpoint uint32
	Flags                                     uint32
	Length                                    int32
	_                                         [3]int32
	Setup                                     [8]byte
}

// usbReply is the answer to either.
type usbReply struct {
	Command, Seq uint32
	_            [3]uint32
	Status       int32
	Length       int32
	_            [3]int32
	_            [8]byte
}

// An adapter is an I2C adapter on USB that can be plugged in and pulled out.
type adapter struct {
	number int // of the bus, and the port of the virtual USB hub
	wire   *wire
	served chan struct{} // closed when the last plugging in has ended
}

// plug attaches the adapter and waits for its bus.
func (a *adapter) plug() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	defer unix.Close(pair[0]) // the kernel keeps its own
	file := os.NewFile(uintptr(pair[1]), "usbip")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("%d %d %d %d", a.number, pair[0], 1<<16|a.number+1, usbFullSpeed)
	if err := os.WriteFile(vhci+"attach", []byte(line), 0); err != nil {
		conn.Close()
		return err
	}
	a.served = make(chan struct{})
	go func() {
		defer close(a.served)
		defer conn.Close()
		s := usbServer{conn: conn, device: tinyUSB{wire: a.wire}, deaf: a.wire.deaf, open: map[uint32]context.CancelFunc{}}
		s.serve()
	}()
	return within(10*time.Second, "bus "+a.path()+" to come", func() bool {
		name, _ := os.ReadFile(filepath.Join(a.path(), "name"))
		_, err := os.Stat(fmt.Sprintf("/dev/i2c-%d", a.number))
		return err == nil && strings.HasPrefix(string(name), adapterNamePrefix)
	})
}

// pull takes the adapter out and waits until its bus is gone.
func (a *adapter) pull() error {
	if err := os.WriteFile(vhci+"detach", fmt.Append(nil, a.number), 0); err != nil {
		return err
	}
	<-a.served
	return within(10*time.Second, "bus "+a.path()+" to go", func() bool {
		_, err := os.Stat(a.path())
		return errors.Is(err, os.ErrNotExist)
	})
}

func (a *adapter) path() string { return fmt.Sprintf("/sys/bus/i2c/devices/i2c-%d", a.number) }

// A usbServer answers for a device that is plugged in.
type usbServer struct {
	conn   net.Conn
	device tinyUSB
	deaf   func() bool

	mu   sync.Mutex
	open map[uint32]context.CancelFunc // requests without an answer
}

// serve ends when the device is pulled out.
func (s *usbServer) serve() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for {
		var r usbRequest
		if err := binary.Read(s.conn, binary.BigEndian, &r); err != nil {
			return
		}
		if r.Command == usbUnlink {
			go s.unlink(r)
			continue
		}
		var out []byte
		if r.Direction != usbIn {
			out = make([]byte, r.Length)
			if _, err := io.ReadFull(s.conn, out); err != nil {
				return
			}
		}
		ctx, cancel := context.WithCancel(ctx)
		s.mu.Lock()
		s.open[r.Seq] = cancel
		s.mu.Unlock()
		go s.submit(ctx, r, out)
	}
}

func (s *usbServer) submit(ctx context.Context, r usbRequest, out []byte) {
	reply := usbReply{Command: usbSubmitted, Seq: r.Seq}
	in, err := s.device.control(ctx, r.Setup, out)
	switch {
	case err != nil:
		reply.Status = -int32(unix.EPIPE) // a stall
	case r.Direction == usbIn:
		in = in[:min(len(in), int(r.Length))]
		reply.Length = int32(len(in))
	default:
		reply.Length = int32(len(out))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.open[r.Seq]; cancel != nil {
		cancel()
		delete(s.open, r.Seq)
		s.send(reply, in)
	}
}

// unlink takes a request back. A deaf adapter goes on with it first.
func (s *usbServer) unlink(r usbRequest) {
	for s.deaf() {
		time.Sleep(10 * time.Millisecond)
	}
	reply := usbReply{Command: usbUnlinked, Seq: r.Seq}
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.open[r.Flags]; cancel != nil { // else its answer was faster
		cancel()
		delete(s.open, r.Flags)
		reply.Status = -int32(unix.ECONNRESET)
	}
	s.send(reply, nil)
}

// send needs the lock. A failure shows to serve.
func (s *usbServer) send(r usbReply, data []byte) {
	b, err := binary.Append(nil, binary.BigEndian, r)
	if err != nil {
		panic(err) // r is of fixed size
	}
	_, _ = s.conn.Write(append(b, data...))
}

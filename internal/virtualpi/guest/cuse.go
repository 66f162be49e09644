//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Of CUSE, which is FUSE for character devices (include/uapi/linux/fuse.h,
// version 7.31), this is what a device needs that has ioctls alone.
const (
	fuseOpen      = 14
	fuseRelease   = 18
	fuseFlush     = 25
	fuseInterrupt = 36
	fuseIoctl     = 39
	cuseInit      = 4096

	cuseAnyIoctl = 1 << 0 // flag in the answer to INIT: ioctls may follow pointers
	ioctlRetry   = 1 << 2 // flag in the answer to IOCTL: once more, with these areas
)

type fuseRequest struct {
	Len, Opcode   uint32
	Unique, Node  uint64
	UID, GID, PID uint32
	_             uint32
}

type fuseReply struct {
	Len    uint32
	Errno  int32
	Unique uint64
}

type cuseInitReply struct {
	Major, Minor, _, Flags uint32
	MaxRead, MaxWrite      uint32
	DevMajor, DevMinor     uint32 // 0: any
	_                      [10]uint32
}

type ioctlRequest struct {
	Handle          uint64
	Flags, Command  uint32
	Argument        uint64
	InSize, OutSize uint32
}

type ioctlReply struct {
	Result                   int32
	Flags, InAreas, OutAreas uint32
}

// An area is memory of the process that makes the ioctl.
type area struct{ Base, Len uint64 }

// Ioctls of spidev (include/uapi/linux/spi/spidev.h).
const (
	spiMessage = 0x40206B00 // one transfer
	spiMode    = 0x40016B01
)

type spiTransfer struct {
	Tx, Rx uint64
	Len    uint32
	_      [12]byte
}

// A spidev is a node /dev/spidevX.Y that can be there or not.
type spidev struct {
	name string // "spidev0.0"
	wire *wire
	file *os.File
	done sync.WaitGroup
}

// plug makes the node appear.
func (s *spidev) plug() error {
	var err error
	s.file, err = os.OpenFile("/dev/cuse", os.O_RDWR|unix.O_NONBLOCK, 0) // so that Close ends a Read
	if err != nil {
		return err
	}
	s.done.Go(s.serve)
	return within(10*time.Second, "/dev/"+s.name+" to come", func() bool {
		_, err := os.Stat("/dev/" + s.name)
		return err == nil
	})
}

// pull makes it vanish.
func (s *spidev) pull() error {
	s.file.Close()
	s.done.Wait()
	return within(10*time.Second, "/dev/"+s.name+" to go", func() bool {
		_, err := os.Stat("/dev/" + s.name)
		return errors.Is(err, os.ErrNotExist)
	})
}

// serve answers the kernel's requests until the file is closed. An ioctl may
// take long, while the others go on.
func (s *spidev) serve() {
	in := make([]byte, 64<<10)
	for {
		n, err := s.file.Read(in)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		var r fuseRequest
		head, decodeErr := binary.Decode(in[:n], binary.NativeEndian, &r)
		if err != nil || decodeErr != nil {
			continue // a request that was taken back
		}
		body := bytes.Clone(in[head:n])
		go s.answer(r, body)
	}
}

func (s *spidev) answer(r fuseRequest, in []byte) {
	var out []byte
	var errno unix.Errno
	switch r.Opcode {
	case cuseInit:
		out = encode(cuseInitReply{Major: 7, Minor: 31, Flags: cuseAnyIoctl, MaxRead: 4096, MaxWrite: 4096})
		out = append(out, "DEVNAME="+s.name+"\x00"...)
	case fuseOpen:
		out = make([]byte, 16) // no handle, no flags
	case fuseRelease, fuseFlush:
	case fuseInterrupt:
		return // no answer is wanted: signals come and go
	case fuseIoctl:
		out, errno = s.ioctl(in)
	default:
		errno = unix.ENOSYS
	}
	reply := encode(fuseReply{uint32(binary.Size(fuseReply{}) + len(out)), -int32(errno), r.Unique})
	_, _ = s.file.Write(append(reply, out...)) // fails if nobody waits any more
}

// ioctl is called up to three times for a transfer: for what the ioctl points
// to, and what that points to, has to be asked for first.
func (s *spidev) ioctl(in []byte) ([]byte, unix.Errno) {
	var r ioctlRequest
	n, err := binary.Decode(in, binary.NativeEndian, &r)
	if err != nil {
		return nil, unix.EINVAL
	}
	in = in[n:]
	if r.Command == spiMode {
		return encode(ioctlReply{}), 0
	}
	if r.Command != spiMessage {
		return nil, unix.ENOTTY
	}
	transfer := area{r.Argument, uint64(binary.Size(spiTransfer{}))}
	var t spiTransfer
	n, err = binary.Decode(in, binary.NativeEndian, &t)
	switch {
	case err != nil:
		return append(encode(ioctlReply{Flags: ioctlRetry, InAreas: 1}), encode(transfer)...), 0
	case len(in) == n:
		retry := append(encode(ioctlReply{Flags: ioctlRetry, InAreas: 2, OutAreas: 1}), encode(transfer)...)
		return append(retry, encode([]area{{t.Tx, uint64(t.Len)}, {t.Rx, uint64(t.Len)}})...), 0
	}
	read := make([]byte, t.Len)
	if err := s.wire.tx(context.Background(), 0, in[n:], read); err != nil {
		return nil, unix.EIO
	}
	return append(encode(ioctlReply{Result: int32(t.Len)}), read...), 0
}

func encode(v any) []byte {
	b, err := binary.Append(nil, binary.NativeEndian, v)
	if err != nil {
		panic(err) // v is not of fixed size
	}
	return b
}

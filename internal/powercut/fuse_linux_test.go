package powercut

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Of the kernel's FUSE protocol (include/uapi/linux/fuse.h, version 7.31) this
// is what a file system needs that consists of its root alone, which is a file.
const (
	fuseForget      = 2
	fuseGetattr     = 3
	fuseOpen        = 14
	fuseRead        = 15
	fuseWrite       = 16
	fuseRelease     = 18
	fuseFsync       = 20
	fuseFlush       = 25 // sent when a file is closed; flushes nothing
	fuseInit        = 26
	fuseInterrupt   = 36
	fuseBatchForget = 42

	fuseMaxPages = 1 << 22 // flag in the answer to INIT: it says max_pages
	fuseDirect   = 1 << 0  // flag in the answer to OPEN: past the page cache

	fuseMaxWrite = 1 << 20
)

// fuseRequest is the head of each request.
type fuseRequest struct {
	Len, Opcode   uint32
	Unique, Node  uint64
	UID, GID, PID uint32
	_             uint32
}

// fuseIO is the body of READ and, before the data, of WRITE.
type fuseIO struct {
	Handle, Offset uint64
	Size, Flags    uint32
	LockOwner      uint64
	OpenFlags, _   uint32
}

// fuseReply is the head of each answer.
type fuseReply struct {
	Len    uint32
	Errno  int32
	Unique uint64
}

type fuseInitReply struct {
	Major, Minor, MaxReadahead, Flags  uint32
	MaxBackground, CongestionThreshold uint16
	MaxWrite, TimeGranularity          uint32
	MaxPages, _                        uint16
	_                                  [8]uint32
}

type fuseGetattrReply struct {
	ValidSeconds                                 uint64
	ValidNanoseconds, _                          uint32
	Inode, Size, Blocks                          uint64
	Times                                        [3]uint64
	TimesNanoseconds                             [3]uint32
	Mode, Links, UID, GID, Dev, BlockSize, Flags uint32
}

type fuseOpenReply struct {
	Handle   uint64
	Flags, _ uint32
}

type fuseWriteReply struct{ Size, _ uint32 }

// serve mounts d as a file over path, which has to be a file. stop unmounts it;
// whoever still uses the file may do so for a moment longer.
func serve(d *device, path string) (stop func() error, err error) {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening /dev/fuse: %w", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=%o,user_id=0,group_id=0", fd, unix.S_IFREG|0o600)
	if err := unix.Mount("powercut", path, "fuse", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("mounting a FUSE file: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- answer(fd, d) }()
	return func() error {
		defer unix.Close(fd)
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmounting the FUSE file: %w", err)
		}
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return fmt.Errorf("the FUSE file is still in use %v after it was unmounted", patience)
		}
	}, nil
}

// answer answers the kernel's requests until the file is unmounted, each before
// it takes the next: what was written before a flush is known to be before it.
func answer(fd int, d *device) error {
	in := make([]byte, fuseMaxWrite+4096)
	for {
		n, err := unix.Read(fd, in)
		switch {
		case errors.Is(err, unix.ENODEV): // unmounted
			return nil
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENOENT): // the request was taken back
			continue
		case err != nil:
			return os.NewSyscallError("read from /dev/fuse", err)
		}
		var r fuseRequest
		head, err := binary.Decode(in[:n], binary.NativeEndian, &r)
		if err != nil {
			return fmt.Errorf("a FUSE request of %d bytes: %w", n, err)
		}
		if r.Opcode == fuseForget || r.Opcode == fuseBatchForget || r.Opcode == fuseInterrupt {
			continue // no answer is wanted
		}
		body, errno := handle(d, r.Opcode, in[head:n])
		var out bytes.Buffer
		out.Write(encode(fuseReply{uint32(binary.Size(fuseReply{}) + len(body)), -int32(errno), r.Unique}))
		out.Write(body)
		if _, err := unix.Write(fd, out.Bytes()); err != nil && !errors.Is(err, unix.ENOENT) {
			return os.NewSyscallError("write to /dev/fuse", err)
		}
	}
}

// handle does what is asked and returns the body of the answer.
func handle(d *device, opcode uint32, in []byte) ([]byte, unix.Errno) {
	var span fuseIO
	if opcode == fuseRead || opcode == fuseWrite {
		n, err := binary.Decode(in, binary.NativeEndian, &span)
		if err != nil {
			return nil, unix.EIO
		}
		in = in[n:]
	}
	switch opcode {
	case fuseInit:
		return encode(fuseInitReply{
			Major: 7, Minor: 31, Flags: fuseMaxPages,
			MaxWrite: fuseMaxWrite, MaxPages: fuseMaxWrite / 4096, TimeGranularity: 1,
		}), 0
	case fuseGetattr:
		return encode(fuseGetattrReply{
			ValidSeconds: 3600, Inode: 1, Size: uint64(d.size()), Blocks: uint64(d.size() / sector),
			Mode: unix.S_IFREG | 0o600, Links: 1, BlockSize: 4096,
		}), 0
	case fuseOpen:
		return encode(fuseOpenReply{Flags: fuseDirect}), 0
	case fuseRead:
		b := make([]byte, span.Size)
		return b[:d.read(b, int64(span.Offset))], 0
	case fuseWrite:
		d.write(in[:span.Size], int64(span.Offset))
		return encode(fuseWriteReply{Size: span.Size}), 0
	case fuseFsync:
		d.flush()
		return nil, 0
	case fuseFlush, fuseRelease:
		return nil, 0
	}
	return nil, unix.ENOSYS
}

func encode(v any) []byte {
	b, err := binary.Append(nil, binary.NativeEndian, v)
	if err != nil {
		panic(err) // v is not of fixed size
	}
	return b
}

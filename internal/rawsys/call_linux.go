package rawsys

import (
	"io"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func read(fd int, p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return result(n, errno)
}

func write(fd int, p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return result(n, errno)
}

func result(n uintptr, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// BootTime reads CLOCK_BOOTTIME: the time since boot, suspension included
// (clock_gettime(2)).
func BootTime() time.Duration {
	var t unix.Timespec
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, unix.CLOCK_BOOTTIME, uintptr(unsafe.Pointer(&t)), 0)
	if errno != 0 {
		return 0 // only for a clock that does not exist
	}
	return time.Duration(t.Nano())
}

// WriteAt is [os.File.WriteAt] for a regular file whose data goes to the page
// cache (pwrite(2)).
func WriteAt(f *os.File, p []byte, off int64) (int, error) {
	fd := f.Fd()
	written := 0
	for written < len(p) {
		n, err := pwrite(fd, p[written:], off+int64(written))
		if err == syscall.EINTR {
			continue
		}
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			return written, &os.PathError{Op: "write", Path: f.Name(), Err: err}
		}
		written += n
	}
	runtime.KeepAlive(f)
	return written, nil
}

func pwrite(fd uintptr, p []byte, off int64) (int, error) {
	start := unsafe.Pointer(unsafe.SliceData(p))
	var n uintptr
	var errno syscall.Errno
	switch {
	case unsafe.Sizeof(fd) == 8:
		n, _, errno = syscall.RawSyscall6(syscall.SYS_PWRITE64, fd, uintptr(start), uintptr(len(p)), uintptr(off), 0, 0)
	case runtime.GOARCH == "arm": // a 64-bit argument takes an even pair of registers (syscall(2))
		n, _, errno = syscall.RawSyscall6(syscall.SYS_PWRITE64, fd, uintptr(start), uintptr(len(p)), 0, uintptr(off), uintptr(off>>32))
	default:
		n, _, errno = syscall.RawSyscall6(syscall.SYS_PWRITE64, fd, uintptr(start), uintptr(len(p)), uintptr(off), uintptr(off>>32), 0)
	}
	return result(n, errno)
}

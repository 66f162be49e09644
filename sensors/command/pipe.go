package command

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// held is what a pipe holds at most, in bytes (pipe(7)).
const held = 64 << 10

// A pipe carries what a program prints to a writer, as those of os/exec do. But
// when others keep it open after the program's end, time alone does not close
// it: on a machine that stalls the last line would be lost, and the one before
// it taken for the newest.
type pipe struct {
	read, write *os.File
	emptied     chan struct{}
}

func newPipe(to io.Writer) (*pipe, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &pipe{read, write, make(chan struct{})}
	go func() {
		defer close(p.emptied)
		if _, err := io.Copy(to, read); errors.Is(err, os.ErrDeadlineExceeded) {
			p.drain(to)
		}
	}()
	return p, nil
}

// drain takes what is in the pipe, without waiting for more.
func (p *pipe) drain(to io.Writer) {
	_ = p.read.SetReadDeadline(time.Time{})
	raw, err := p.read.SyscallConn()
	if err != nil {
		return
	}
	buffer := make([]byte, held)
	_ = raw.Read(func(fd uintptr) bool {
		n, _ := syscall.Read(int(fd), buffer)
		_, _ = to.Write(buffer[:max(0, n)])
		return true
	})
}

// finish closes the pipe once everybody has closed the other end, or by then.
// All that was printed before it is called has been written when it returns.
func (p *pipe) finish(by time.Time) {
	_ = p.write.Close() // again, unless the program could not be started
	_ = p.read.SetReadDeadline(by)
	<-p.emptied
	_ = p.read.Close()
}

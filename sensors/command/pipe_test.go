package command

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A blocked writer takes nothing until it is freed.
type blocked struct {
	free chan struct{}
	strings.Builder
}

func (b *blocked) Write(output []byte) (int, error) {
	<-b.free
	return b.Builder.Write(output)
}

// What was printed before the end is not lost to a machine that stalls then,
// though somebody else keeps the pipe open.
func TestPipeIsEmptiedHoweverLate(t *testing.T) {
	to := &blocked{free: make(chan struct{})}
	p, err := newPipe(to)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Dup(int(p.write.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	other := os.NewFile(uintptr(fd), "other")
	defer other.Close()
	for _, line := range []string{"1\n", strings.Repeat("2", held/2) + "\n", "3\n"} {
		if _, err := other.WriteString(line); err != nil {
			t.Fatal(err)
		}
	}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		p.finish(time.Now().Add(-time.Second))
	}()
	close(to.free)
	<-finished
	if got := to.String(); !strings.HasSuffix(got, "2\n3\n") || len(got) != held/2+5 {
		t.Errorf("%d bytes came, the last %q", len(got), got[max(0, len(got)-10):])
	}
}

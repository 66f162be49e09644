package command

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	maxLine = 64 << 10 // bytes of a line
	maxTail = 512      // bytes of standard error that are kept
	tailEnd = 3        // lines of it that are told
)

var errLong = errors.New("the program printed a line longer than 64 KiB: print the values alone, and end each line")

// A newest keeps the newest complete line of what is written to it, and passes
// over lines that are blank or too long.
type newest struct {
	first chan struct{} // closed by the first line

	mu   sync.Mutex
	part []byte // of a line that has not ended
	over bool   // that line is too long
	line []byte // nil when the newest one was too long
	at   time.Time
}

// Write implements [io.Writer]. It never fails.
func (n *newest) Write(output []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for piece := range bytes.Lines(output) {
		text, ended := bytes.CutSuffix(piece, []byte("\n"))
		if !n.over && len(n.part)+len(text) > maxLine {
			n.over = true
			n.part = nil
			n.take() // told at once, since the line may never end
		}
		if !n.over {
			n.part = append(n.part, text...)
		}
		if ended {
			n.endLine()
		}
	}
	return len(output), nil
}

// end ends the output, and so its last line.
func (n *newest) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.endLine()
}

func (n *newest) endLine() {
	if !n.over && len(bytes.TrimSpace(n.part)) > 0 {
		n.take()
	}
	n.over, n.part = false, n.part[:0]
}

// take makes part the newest line.
func (n *newest) take() {
	if n.at.IsZero() {
		close(n.first)
	}
	n.line, n.part, n.at = n.part, n.line, time.Now()
}

// newest returns the newest line and when it ended.
func (n *newest) newest() (line []byte, at time.Time, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.at.IsZero():
		return nil, n.at, errors.New("the program printed no line")
	case n.line == nil:
		return nil, n.at, errLong
	}
	return bytes.Clone(n.line), n.at, nil
}

// A tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write implements [io.Writer]. It never fails.
func (t *tail) Write(output []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, output[max(0, len(output)-maxTail):]...)
	t.text = slices.Delete(t.text, 0, max(0, len(t.text)-maxTail))
	return len(output), nil
}

// String returns the last lines in one, without what cannot be printed.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	for line := range strings.Lines(strings.ToValidUTF8(string(t.text), "")) {
		line = strings.TrimSpace(strings.Map(printable, line))
		if line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-tailEnd):], " / ")
}

func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return ' '
	}
	return r
}

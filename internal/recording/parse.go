package recording

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	magic   = "sensor-agent recording "
	version = "1"

	// maxFile is the longest recording, in bytes: a day of a few sensors that
	// are read each second. It has to fit into memory when it is played back.
	maxFile = 64 << 20
	maxLine = 64 << 10 // bytes; two transfers of maxLength in hexadecimal, and an error
)

// parse reads a recording and calls each for its transactions, in order, with
// the number of their line. Errors begin with that of theirs.
func parse(r io.Reader, each func(line int, t Transaction)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	n := 0
	for lines.Scan() {
		n++
		text := lines.Text()
		if n == 1 {
			if err := checkMagic(text); err != nil {
				return fmt.Errorf("line 1: %w", err)
			}
			continue
		}
		if text == "" || text[0] == '#' {
			continue
		}
		t, err := parseLine(text)
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		each(n, t)
	}
	err := lines.Err()
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("line %d: it has more than %d bytes", n+1, maxLine)
	case err != nil:
		return err
	case n == 0:
		return errors.New("the file is empty")
	}
	return nil
}

func checkMagic(line string) error {
	found, ok := strings.CutPrefix(line, magic)
	if !ok {
		return fmt.Errorf("it has to be %q: this file is no recording", magic+version)
	}
	if found != version {
		return fmt.Errorf("the recording has format %.20q, and this version of sensor-agent knows %s only: update it", found, version)
	}
	return nil
}

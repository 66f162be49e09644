package recording

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

// fields are the key=value pairs at the end of a line, taken off from the left,
// and the first thing that was wrong with them.
type fields struct {
	rest string
	err  error
}

// next takes off the value of the next field, if that has the key.
func (f *fields) next(key string) (value string, ok bool) {
	after, ok := strings.CutPrefix(f.rest, key+"=")
	if !ok {
		return "", false
	}
	value, f.rest, _ = strings.Cut(after, " ")
	return value, true
}

func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

func (f *fields) number(key, value string, most int) int {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		f.fail("%s=%.40s: write a number from 1 to %d", key, value, most)
		return 0
	}
	return n
}

func (f *fields) bytes(key, value string) []byte {
	b, err := hex.DecodeString(value)
	if err != nil || len(b) == 0 || len(b) > maxLength {
		f.fail("%s=%.40s: write 1 to %d bytes, each as two hexadecimal digits", key, value, maxLength)
		return nil
	}
	return b
}

// recordedError takes off errno and error, which come last.
func (f *fields) recordedError() error {
	var errno syscall.Errno
	if v, ok := f.next("errno"); ok {
		const last = 4095 // MAX_ERRNO of Linux
		errno = syscall.Errno(f.number("errno", v, last))
	}
	quoted, ok := strings.CutPrefix(f.rest, "error=")
	if !ok {
		if errno != 0 {
			f.fail("errno without error: write error=\"…\" after it")
		}
		return nil
	}
	f.rest = ""
	text, err := strconv.Unquote(quoted)
	if err != nil || quoted[0] != '"' {
		f.fail("error=%.40s is not a text in double quotes", quoted)
	}
	return &recordedError{shorten(text), errno}
}

// A recordedError is an error as it was when it was recorded: with the same
// text, and the same to [errors.Is], which finds what it wrapped by its errno or
// by its text.
type recordedError struct {
	text  string
	errno syscall.Errno // 0 for none
}

func (e *recordedError) Error() string { return e.text }

func (e *recordedError) Unwrap() error {
	if e.errno == 0 {
		return nil
	}
	return e.errno
}

// Is finds errors that are values, such as bus.ErrStuck, since what wraps one
// has its text.
func (e *recordedError) Is(target error) bool {
	_, errno := target.(syscall.Errno)
	return !errno && target.Error() != "" && strings.Contains(e.text, target.Error())
}

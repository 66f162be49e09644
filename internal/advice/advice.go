// Package advice makes errors that say what to do. A log shows an error and its
// advice as one line; `sensor-agent doctor` shows them apart, in the same words.
//
// Drivers do without it: they write their advice as plain text, so that they
// need nothing of this module but its vocabulary.
package advice

import (
	"errors"
	"strings"
)

type advised struct {
	error
	do string
}

// To returns err with what to do about it. Its text is that of err, a colon,
// and do.
func To(err error, do string) error { return &advised{err, do} }

func (a *advised) Error() string { return a.error.Error() + ": " + a.do }

func (a *advised) Unwrap() error { return a.error }

// Split returns what err says apart from its advice, and the advice: "" when it
// has none. Of several pieces of advice it is the one that was given last.
func Split(err error) (what, do string) {
	a, ok := errors.AsType[*advised](err)
	if !ok {
		return err.Error(), ""
	}
	return strings.Replace(err.Error(), ": "+a.do, "", 1), a.do
}

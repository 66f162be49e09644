package config

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// An Error is one thing wrong with a configuration.
type Error struct {
	Where   string // the file, or the flag or environment variable that holds the value
	Line    int    // from 1; 0 without a place in the file
	Column  int    // in characters, from 1
	Key     string // "streams[0].interval"; "" for the file as a whole
	Problem string // what is wrong
	Hint    string // what to write instead; may be empty
	Source  string // the line; empty when it could show a secret
}

// Error is the error on one line.
func (e *Error) Error() string {
	text := e.headline()
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

func (e *Error) headline() string {
	text := e.Where
	if e.Line > 0 {
		text += fmt.Sprintf(":%d:%d", e.Line, e.Column)
	}
	if e.Key != "" {
		text += ": " + e.Key
	}
	return text + ": " + e.Problem
}

// block is the error with the line it is about and a mark under the place.
func (e *Error) block() string {
	var b strings.Builder
	b.WriteString(e.headline())
	if e.Source != "" {
		source, column := excerpt(e.Source, e.Column)
		fmt.Fprintf(&b, "\n%5d | %s\n      | %*s", e.Line, source, column, "^")
	}
	if e.Hint != "" {
		b.WriteString("\n        " + strings.ReplaceAll(e.Hint, "\n", "\n        "))
	}
	return b.String()
}

// Errors is all that is wrong with a configuration, in the order of the file.
type Errors []*Error

// Error shows each error with its source line and what to write instead; it
// has several lines.
func (errs Errors) Error() string {
	blocks := make([]string, len(errs))
	for i, e := range errs {
		blocks[i] = e.block()
	}
	return strings.Join(blocks, "\n")
}

// Unwrap lets errors.Is and errors.As look into each.
func (errs Errors) Unwrap() []error {
	list := make([]error, len(errs))
	for i, e := range errs {
		list[i] = e
	}
	return list
}

// An advice is an error of one value that knows what to write instead.
type advice struct{ problem, hint string }

func advise(problem, hint string) error { return &advice{problem, hint} }

func (a *advice) Error() string { return a.problem + ": " + a.hint }

// excerpt returns a line fit for a terminal, and where the column now is. A
// long line is cut to what lies around the column.
func excerpt(line string, column int) (string, int) {
	const width, before = 100, 60
	runes := []rune(line)
	for i, c := range runes {
		if !unicode.IsPrint(c) {
			runes[i] = ' ' // tabs, and what would steer the terminal
		}
	}
	column = min(max(column, 1), len(runes)+1)
	if len(runes) <= width {
		return string(runes), column
	}
	from := max(0, min(column-before, len(runes)-width))
	return string(runes[from:min(from+width, len(runes))]), column - from
}

// quote puts a text from the file into an error, shortened and escaped.
func quote(s string) string {
	const longest = 60
	if runes := []rune(s); len(runes) > longest {
		s = string(runes[:longest]) + "…"
	}
	return strconv.Quote(s)
}

// list joins names for a hint.
func list(names []string) string { return strings.Join(names, ", ") }

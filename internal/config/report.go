package config

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// maxErrors bounds what is told at once: a person fixes the first ones, and a
// file of another kind altogether does not flood the terminal.
const maxErrors = 50

// A place is where a value was written.
type place struct {
	where        string // as [Error.Where]
	line, column int
}

// A report collects what is wrong while a configuration is read, and knows
// where each key was written. Both halves of the work use it: decoding and
// checking.
type report struct {
	file   string
	lines  []string
	places map[string]place // by key path; a key is in it when something sets it
	errs   Errors
	fails  int // errors found, including those that errs leaves out
}

func newReport(file string, text []byte) *report {
	return &report{file: file, lines: strings.Split(string(text), "\n"), places: make(map[string]place)}
}

// set reports whether the key was written anywhere; otherwise it has its
// default.
func (r *report) set(path string) bool {
	_, ok := r.places[path]
	return ok
}

// fail records an error of the key at path, unless there is one already: what
// follows from the first says nothing new. Its place is that of the nearest
// key around it that was written.
func (r *report) fail(path, problem, hint string) {
	at, ok := r.places[path]
	for around := path; !ok && around != ""; {
		around = around[:max(strings.LastIndexAny(around, ".["), 0)]
		at, ok = r.places[around]
	}
	if !ok {
		at = place{where: r.file}
	}
	r.failAt(at, path, problem, hint)
}

func (r *report) failAt(at place, path, problem, hint string) {
	r.fails++
	told := slices.ContainsFunc(r.errs, func(e *Error) bool { return e.Key == path })
	if told || r.enough() {
		return
	}
	e := &Error{Where: at.where, Line: at.line, Column: at.column, Key: path, Problem: problem, Hint: hint}
	// YAML knows line breaks that are none to us, so a line can lie beyond.
	if i := at.line - 1; i >= 0 && i < len(r.lines) && !showsSecret(r.lines[i]) {
		e.Source = strings.TrimRight(r.lines[i], "\r")
	}
	r.errs = append(r.errs, e)
}

// enough reports whether there are more errors than will be told.
func (r *report) enough() bool { return len(r.errs) > maxErrors }

// failWith records err as an error of the key at path.
func (r *report) failWith(path string, err error) {
	if a, ok := errors.AsType[*advice](err); ok {
		r.fail(path, a.problem, a.hint)
		return
	}
	r.fail(path, err.Error(), "")
}

// err returns nil or [Errors], sorted.
func (r *report) err() error {
	if len(r.errs) == 0 {
		return nil
	}
	slices.SortStableFunc(r.errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if r.enough() {
		r.errs = append(r.errs[:maxErrors], &Error{
			Where:   r.file,
			Problem: fmt.Sprintf("there are more than these %d errors", maxErrors),
			Hint:    "correct these first",
		})
	}
	return r.errs
}

var userInfo = regexp.MustCompile(`\S:\S.*@`) // user:password@, with or without tcp://

// showsSecret tells a line that must not be repeated on a terminal or in a
// journal: a password, or a URL with one.
func showsSecret(line string) bool {
	line = strings.ReplaceAll(strings.ToLower(line), "password_file", "")
	return strings.Contains(line, "passw") || userInfo.MatchString(line) ||
		slices.ContainsFunc(word.FindAllString(line, -1), looksLikePassword)
}

var word = regexp.MustCompile(`[a-z_]+`)

// looksLikePassword reports whether a key is "password", or meant to be.
func looksLikePassword(key string) bool { return distance(key, "password") <= 2 }

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxText bounds a configuration; a real one has a few kB.
const maxText = 1 << 20

// example is the shortest configuration, shown to whoever has none.
const example = "sensors:\n  - {name: sim, driver: simulated}"

// document parses text as one YAML document and returns its root, nil when it
// cannot: then the errors are in r.
func document(r *report, text []byte) *yaml.Node {
	if len(text) > maxText {
		r.failAt(place{where: r.file}, "", fmt.Sprintf("the file is longer than %v", Size(maxText)), "is this the configuration?")
		return nil
	}
	if at, problem, hint := badCharacter(string(text)); problem != "" {
		r.failAt(r.placeOf(at), "", problem, hint)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	err := decoder.Decode(&doc)
	if err == nil {
		if err := decoder.Decode(&second); err == nil {
			r.failAt(place{r.file, second.Line, second.Column}, "", "a second YAML document starts here", "remove the line --- and what follows")
			return nil
		} else if !errors.Is(err, io.EOF) {
			r.syntax(err)
			return nil
		}
	}
	if errors.Is(err, io.EOF) || err == nil && isNull(doc.Content[0]) {
		r.failAt(place{where: r.file}, "", "the file is empty", "write at least\n"+example)
		return nil
	}
	if err != nil {
		r.syntax(err)
		return nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		r.failAt(place{r.file, root.Line, root.Column}, "", "the file does not start with a key", "write at least\n"+example)
		return nil
	}
	return root
}

// badCharacter finds what cannot be in a text file and would be reported by the
// YAML library without a place (YAML 1.2, 5.1).
func badCharacter(text string) (offset int, problem, hint string) {
	for i, c := range text {
		switch {
		case c == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			return i, "this is not UTF-8", "save the file as UTF-8 text"
		case c == '\t', c == '\n', c == '\r', c == 0x85: // white space to YAML
		case unicode.IsControl(c):
			return i, fmt.Sprintf("the control character %#02x cannot stand here", c), "remove it"
		}
	}
	return 0, "", ""
}

// placeOf turns an offset in the text into line and column.
func (r *report) placeOf(offset int) place {
	for i, line := range r.lines {
		if offset <= len(line) {
			return place{r.file, i + 1, utf8.RuneCountInString(line[:offset]) + 1}
		}
		offset -= len(line) + 1
	}
	return place{where: r.file}
}

var (
	parserProblem = regexp.MustCompile(`^did not find expected (<|key|node content|'-' indicator|',' or)`)
	yamlLine      = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
	tabIndent     = regexp.MustCompile(`(?m)^ *\t`)
)

// syntax records an error of the YAML library. What it says of lines cannot
// be shown as it is: its scanner counts them from 1, its parser from 0, and a
// line that would be 0 is left out.
func (r *report) syntax(err error) {
	text := strings.Join(r.lines, "\n")
	match := yamlLine.FindStringSubmatch(err.Error())
	if match == nil {
		r.failAt(place{where: r.file}, "", err.Error(), "")
		return
	}
	line, _ := strconv.Atoi(match[1]) // 0 when left out
	problem, hint := match[2], "check indentation, brackets and quotes here and just above"
	if line == 0 || parserProblem.MatchString(problem) {
		line++
	}
	line = min(line, len(r.lines))
	source := r.lines[line-1]
	at := place{r.file, line, 1 + len(source) - len(strings.TrimLeft(source, " \t"))}
	if strings.Contains(source, "${") {
		hint = `inside [ ] or { } a value with ${ } has to be quoted: "${NAME}"`
	}
	switch tab := tabIndent.FindStringIndex(text); {
	case tab != nil && (strings.Contains(problem, "tab character") || strings.Contains(problem, "cannot start any token")):
		at = r.placeOf(tab[1] - 1)
		problem, hint = "a tab cannot indent YAML", "indent with spaces"
	case strings.Contains(problem, "cannot start any token"):
		problem, hint = "a value cannot start like this", "put it in quotes"
	case strings.Contains(problem, "end of stream"):
		problem, hint = "the file ends inside quotes", "close the quote that was opened here or above"
	case strings.Contains(problem, "mapping values are not allowed"):
		problem, hint = "a key cannot stand here", `indent it like its neighbours; a value that holds ": " has to be quoted`
	}
	if anchor := unknownAnchor.FindStringSubmatch(problem); anchor != nil {
		at = r.placeOf(max(0, strings.Index(text, "*"+anchor[1])))
		problem, hint = "nothing is named &"+anchor[1], "a value that starts with * has to be quoted"
	}
	r.failAt(at, "", problem, hint)
}

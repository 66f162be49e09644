package config

import (
	"fmt"
	"strings"
)

// substitute replaces ${NAME} by the environment variable and
// ${NAME:-default} likewise, with a default for one that is not set. It is
// applied to single values after the YAML is parsed, so what a variable holds
// cannot change the structure of the file. A $ without { stays as it is.
func substitute(text string, lookup func(string) (string, bool)) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		inside, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", advise("${ is not closed", "write ${NAME} or ${NAME:-default}")
		}
		name, fallback, hasFallback := strings.Cut(inside, ":-")
		if !variableName(name) {
			return "", advise(fmt.Sprintf("${%s} does not name an environment variable", inside),
				"write ${NAME} or ${NAME:-default}")
		}
		value, ok := lookup(name)
		switch {
		case ok:
			b.WriteString(value)
		case hasFallback:
			b.WriteString(fallback)
		default:
			return "", advise(fmt.Sprintf("the environment variable %s is not set", name),
				fmt.Sprintf("set it, or write ${%s:-default}", name))
		}
		text = after
	}
}

// variableName accepts what POSIX calls a name (XBD 8.1).
func variableName(s string) bool {
	for i, c := range s {
		letter := c == '_' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

package config

import (
	"fmt"
	"strings"
)

// nearest returns the known name that name was probably meant to be: at most
// one slip for every three letters. Case and the kind of dash do not count.
func nearest(name string, known []string) (string, bool) {
	const longest = 64 // nothing known is longer
	if len(name) > longest {
		return "", false
	}
	best, least := "", max(1, len(name)/3)+1
	for _, k := range known {
		if d := distance(normal(name), normal(k)); d < least {
			best, least = k, d
		}
	}
	return best, best != ""
}

// suggest returns the hint for an unknown name: the nearest known one, or all
// of them after the words of intro.
func suggest(name string, known []string, intro string) string {
	if near, ok := nearest(name, known); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 {
		return ""
	}
	return intro + " " + list(known)
}

func normal(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "-", "_")
}

// distance counts the slips between two words: a letter too many, missing or
// wrong, or two neighbours swapped (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	// Three rows of the table are alive: the one before the last is for swaps.
	before, last, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := range s {
		row[0] = i + 1
		for j := range t {
			wrong := last[j]
			if s[i] != t[j] {
				wrong++
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, wrong)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(t)]
}

package doctor

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var printedLine = regexp.MustCompile(`(?m)^(ok|skip|warn|FAIL) +([a-z]+(?: id)?)  +(.*)$`)

// The page explains each check, by lines that it prints: those of the sightings.
func TestChecksAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, s := range strings.Split(string(text), "\n### ")[1:] {
		s, _, _ = strings.Cut(s, "\n## ")
		title, body, _ := strings.Cut(s, "\n")
		sections[title] = body
	}
	for _, check := range Checks() {
		section, found := sections[string(check)]
		if !found {
			t.Errorf("there is nothing about %s", check)
			continue
		}
		delete(sections, string(check))
		good, bad := false, false
		for _, line := range printedLine.FindAllStringSubmatch(section, -1) {
			status, of, what := Status(strings.ToLower(line[1])), Check(line[2]), line[3]
			good, bad = good || status == OK, bad || status != OK
			if of != check || !seen(check, status, what) {
				t.Errorf("%s: no sighting prints %q", check, line[0])
			}
		}
		if !good || !bad {
			t.Errorf("%s is not shown both ways", check)
		}
	}
	for name := range sections {
		t.Errorf("there is no check %q", name)
	}
}

// seen reports whether a sighting is of such a line.
func seen(check Check, status Status, what string) bool {
	for _, s := range sightings()[check] {
		if s.status == status && strings.Contains(what, s.what) {
			return true
		}
	}
	return false
}

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/control"
	"sensor-agent/internal/config"
	"sensor-agent/sensors"
	"sensor-agent/sensors/catalog"
)

// What the documentation says is held to the code here and in
// docs_drivers_test.go, as far as a program can tell.

const docsRoot = "../.."

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docsRoot, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pageNames returns all pages, relative to the root of the project.
func pageNames(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(docsRoot, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("no pages %s: %v", pattern, err)
		}
		for _, path := range found {
			names = append(names, strings.TrimPrefix(path, docsRoot+"/"))
		}
	}
	return names
}

// codeBlocks returns the code blocks of a page that are in a language.
func codeBlocks(page, language string) []string {
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		found = append(found, m[1])
	}
	return found
}

// sectionsOf returns what a page has below each of its second-level headings.
func sectionsOf(page string) map[string]string {
	sections := map[string]string{}
	for _, s := range strings.Split("\n"+page, "\n## ")[1:] {
		title, text, _ := strings.Cut(s, "\n")
		sections[title] = text
	}
	return sections
}

func TestDocumentedConfigurationsAreGood(t *testing.T) {
	env := config.Environment{
		Lookup:   func(name string) (string, bool) { return "/state", name == "STATE_DIRECTORY" },
		Hostname: "raspberrypi",
		Drivers:  catalog.Drivers(),
	}
	count := 0
	for _, name := range pageNames(t) {
		for _, text := range codeBlocks(readPage(t, name), "yaml") {
			count++
			if _, err := config.Parse(name, []byte(text), env); err != nil {
				t.Errorf("%v\nin\n%s", err, text)
			}
		}
	}
	if count == 0 {
		t.Error("no configuration found")
	}
}

func TestDocumentedMessagesAreJSON(t *testing.T) {
	count := 0
	for _, name := range pageNames(t) {
		for _, text := range codeBlocks(readPage(t, name), "json") {
			for line := range strings.Lines(text) {
				count++
				if !json.Valid([]byte(line)) {
					t.Errorf("%s: not JSON: %s", name, line)
				}
			}
		}
	}
	if count == 0 {
		t.Error("no message found")
	}
}

func TestQuantitiesAreDocumented(t *testing.T) {
	lines := strings.Split(sectionsOf(readPage(t, "docs/mqtt.md"))["Messages"], "\n")
	for _, q := range sensors.Quantities() {
		end := strings.ReplaceAll(fmt.Sprintf("| `%s` | %s | %d |", q.Key, q.Unit, q.Decimals), "  ", " ")
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, q.Name) && strings.HasSuffix(l, end) }) {
			t.Errorf("docs/mqtt.md: no row for %s ends with %s", q.Name, end)
		}
	}
}

func TestKeysOfStateAndAnswersAreDocumented(t *testing.T) {
	sections := sectionsOf(readPage(t, "docs/mqtt.md"))
	for title, value := range map[string]any{"State": deviceState{}, "Commands": control.Ack{}} {
		for _, key := range jsonKeys(reflect.TypeOf(value)) {
			if !strings.Contains(sections[title], "`"+key+"`") {
				t.Errorf("docs/mqtt.md: nothing below %q explains `%s`", title, key)
			}
		}
	}
}

// jsonKeys returns the keys of a struct and of those within.
func jsonKeys(t reflect.Type) []string {
	for t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var keys []string
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		keys = append(append(keys, key), jsonKeys(t.Field(i).Type)...)
	}
	return keys
}

func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]*))?\)`)
	for _, name := range pageNames(t) {
		for _, m := range link.FindAllStringSubmatch(readPage(t, name), -1) {
			target, heading := filepath.Join(filepath.Dir(name), m[1]), m[2]
			if m[1] == "" {
				target = name
			}
			if _, err := os.Stat(filepath.Join(docsRoot, target)); err != nil {
				t.Errorf("%s: link to %s: %v", name, m[1], err)
			} else if heading != "" && !slices.Contains(anchors(readPage(t, target)), heading) {
				t.Errorf("%s: %s has no heading #%s", name, target, heading)
			}
		}
	}
}

// anchors returns the names by which links reach the headings of a page.
func anchors(page string) []string {
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		name := regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(m[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

func TestContributingShowsTheExampleDriver(t *testing.T) {
	shown := codeBlocks(readPage(t, "CONTRIBUTING.md"), "go")
	if len(shown) != 1 {
		t.Fatalf("%d blocks of Go in CONTRIBUTING.md, want 1", len(shown))
	}
	if diff := cmp.Diff(readPage(t, "sensors/example_test.go"), shown[0]); diff != "" {
		t.Errorf("CONTRIBUTING.md shows another driver than sensors/example_test.go has (-file +page)\n%s", diff)
	}
}

package command

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sensor-agent/internal/need"
	"sensor-agent/sensors"
)

// The program in the documentation prints what the configuration beside it
// asks for.
func TestDocumentedProgram(t *testing.T) {
	python := need.Program(t, "python3", "python3")
	page, err := os.ReadFile("../../docs/drivers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## `command`\n")
	section, _, _ = strings.Cut(section, "\n## ")
	program := regexp.MustCompile("(?s)\n```python\n(.*?)```\n").FindStringSubmatch(section)
	sensor := regexp.MustCompile(`(?s)/opt/load\.py\].*?\n    values: (.*?)\n`).FindStringSubmatch(section)
	if program == nil || sensor == nil {
		t.Fatal("there is no program or no configuration")
	}
	var values []value
	for _, v := range regexp.MustCompile(`\{key: (\w+), quantity: (\w+)\}`).FindAllStringSubmatch(sensor[1], -1) {
		values = append(values, value{v[1], v[2]})
	}
	file := filepath.Join(t.TempDir(), "load.py")
	if err := os.WriteFile(file, []byte(program[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := configured(options{Command: []string{python, file}, Mode: modeLines, Timeout: generous, Values: values})
	if err != nil {
		t.Fatal(err)
	}
	reading, err := opened(t, p).Read(t.Context())
	if err != nil || len(reading) != 2 {
		t.Fatalf("%+v, %v", reading, err)
	}
	for i, m := range reading {
		if m.Quality != sensors.Good || !(m.Value >= 0) {
			t.Errorf("%s: %+v", values[i].Key, m)
		}
	}
	if lines := strings.Count(program[1], "\n"); lines > 10 {
		t.Errorf("the program has %d lines", lines)
	}
}

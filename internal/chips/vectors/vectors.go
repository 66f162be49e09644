// Package vectors hands tests the reference values of converters and light
// sensors: what goes over the wire and what it means, computed from the
// definitions in the data sheets apart from this code. Only tests import it.
package vectors

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

//go:embed adc.jsonl
var embedded []byte

// Rows returns the rows of a kind, each decoded into a T, out of all files
// vectors_*.jsonl in $VECTORS_DIR or, if that is not set, the rows that come
// with this package. Having none is fatal.
func Rows[T any](t *testing.T, kind string) []T {
	t.Helper()
	files := [][]byte{embedded}
	if dir := os.Getenv("VECTORS_DIR"); dir != "" {
		files = read(t, dir)
	}
	var rows []T
	for _, file := range files {
		for line := range bytes.Lines(file) {
			var of struct{ Kind string }
			if err := json.Unmarshal(line, &of); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			if of.Kind != kind {
				continue // other kinds, and chips that have none, are shaped otherwise
			}
			var row T
			if err := json.Unmarshal(line, &row); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("no row of kind %s", kind)
	}
	return rows
}

func read(t *testing.T, dir string) [][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "vectors_*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var files [][]byte
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

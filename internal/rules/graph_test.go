package rules

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath string
	Standard   bool
	Module     *struct {
		Path string
		Main bool
	}
	Imports, TestImports, XTestImports []string
}

// A graph is every package of the module and all that these import, as built
// for a Raspberry Pi, by import path.
type graph map[string]pkg

func load(t *testing.T) graph {
	t.Helper()
	const root = "../.."
	touch(t, root)
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,Module,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	g := graph{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return g
		}
		if err != nil {
			t.Fatalf("output of %v: %v", cmd, err)
		}
		g[p.ImportPath] = p
	}
}

// touch looks at every folder and Go file of the module, so that Go's cache of
// passed tests knows that the result depends on them: what a child process
// reads it does not see.
func touch(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.Name() == "go.mod" || strings.HasSuffix(d.Name(), ".go") {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// own returns the import paths of the module's own packages, sorted.
func (g graph) own() []string {
	var own []string
	for path, p := range g {
		if p.Module != nil && p.Module.Main {
			own = append(own, path)
		}
	}
	slices.Sort(own)
	return own
}

// reach returns the packages that are linked with from, itself included, each
// with the package through which it was found first.
func (g graph) reach(from string) map[string]string {
	found := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, i := range g[queue[0]].Imports {
			if _, ok := found[i]; !ok {
				found[i] = queue[0]
				queue = append(queue, i)
			}
		}
	}
	return found
}

// chain returns a shortest way over imports from a package to one that matches
// the pattern, both ends included; nil if there is none.
func (g graph) chain(from, pattern string) []string {
	via := g.reach(from)
	var shortest []string
	for _, path := range slices.Sorted(maps.Keys(via)) {
		if path == from || !match(pattern, path) {
			continue
		}
		var chain []string
		for ; path != ""; path = via[path] {
			chain = append(chain, path)
		}
		if shortest == nil || len(chain) < len(shortest) {
			shortest = chain
		}
	}
	slices.Reverse(shortest)
	return shortest
}

// match tells whether an import path is the pattern, or, when that ends in
// "/...", the package before it or one below.
func match(pattern, path string) bool {
	tree, ok := strings.CutSuffix(pattern, "/...")
	return path == tree || ok && strings.HasPrefix(path, tree+"/")
}

package virtualpi

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sensor-agent/internal/need"
)

// kernelPackage is Debian's kernel for arm64, whatever its version is today.
const kernelPackage = "linux-image-arm64"

// wanted are the kernel's modules that the guest uses.
var wanted = []string{
	"vhci-hcd", "i2c-tiny-usb", "i2c-dev", // USB without a wire, an I2C adapter on it, its node
	"cuse",                     // a node in the stead of spidev's
	"bmp280-i2c", "ti-ads1015", // the second opinion
}

// A kernel is Debian's, unpacked.
type kernel struct {
	version string // file name of its package
	image   string
	modules []entry // numbered in the order of what they need
}

// fetchKernel gets the kernel from the Debian archive this machine uses, or
// from the cache of an earlier run. The packages of this machine know nothing
// of it: apt's state is a folder of its own.
func fetchKernel(t *testing.T) kernel {
	t.Helper()
	need.Program(t, "apt-get", "apt")
	unpack := need.Program(t, "dpkg-deb", "dpkg")
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("where to keep the kernel: %v", err)
	}
	cache = filepath.Join(cache, "sensor-agent", "virtual-pi")
	kept := func() []string {
		found, _ := filepath.Glob(filepath.Join(cache, "linux-image-*_arm64.deb"))
		return found
	}
	if len(kept()) == 0 {
		download(t, cache)
	}
	packages := kept()
	if len(packages) == 0 {
		t.Fatalf("apt-get left no kernel in %s", cache)
	}
	k := kernel{version: filepath.Base(packages[len(packages)-1])}
	tree := t.TempDir()
	run(t, tree, unpack, "--extract", filepath.Join(cache, k.version), tree)
	images, _ := filepath.Glob(filepath.Join(tree, "boot", "vmlinuz-*"))
	if len(images) != 1 {
		t.Fatalf("%s holds %d kernels", k.version, len(images))
	}
	k.image = images[0]
	k.modules = modules(t, filepath.Join(tree, "lib", "modules"))
	return k
}

// download puts the kernel's package into a folder.
func download(t *testing.T, folder string) {
	t.Helper()
	state := t.TempDir()
	for _, dir := range []string{folder, filepath.Join(state, "lists", "partial"), filepath.Join(state, "cache")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	apt := func(program string, args ...string) string {
		return run(t, folder, program, append([]string{
			"-qq", "-oAPT::Architecture=arm64", "-oAPT::Architectures=arm64", "-oAcquire::Languages=none", "-oAcquire::Retries=5",
			"-oDir::State::lists=" + filepath.Join(state, "lists"), "-oDir::State::status=/dev/null",
			"-oDir::Cache=" + filepath.Join(state, "cache"), "-oAPT::Sandbox::User=root",
		}, args...)...)
	}
	apt("apt-get", "update")
	_, version, ok := strings.Cut(apt("apt-cache", "depends", kernelPackage), "Depends: ")
	if !ok {
		t.Fatalf("apt-cache knows no %s", kernelPackage)
	}
	apt("apt-get", "download", strings.Fields(version)[0])
}

// modules returns the wanted modules below a folder with all that these need,
// in an order in which they can be loaded.
func modules(t *testing.T, folder string) []entry {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if name, ok := strings.CutSuffix(filepath.Base(path), ".ko"); ok {
			files[name] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	var add func(name string)
	add = func(name string) {
		path, ok := files[name]
		if !ok { // names that others need it by have no hyphens
			for file := range files {
				if strings.ReplaceAll(file, "-", "_") == name {
					path = files[file]
				}
			}
		}
		if path == "" {
			t.Fatalf("the kernel has no module %s", name)
		}
		if slices.Contains(order, path) {
			return
		}
		for _, needed := range dependencies(t, path) {
			add(needed)
		}
		order = append(order, path)
	}
	for _, name := range wanted {
		add(name)
	}
	var entries []entry
	for i, path := range order {
		entries = append(entries, entry{fmt.Sprintf("modules/%02d-%s", i, filepath.Base(path)), path})
	}
	return entries
}

// dependencies returns the modules that one says it needs.
func dependencies(t *testing.T, path string) []string {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Section(".modinfo").Data()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for field := range bytes.SplitSeq(info, []byte{0}) {
		if names, ok := strings.CutPrefix(string(field), "depends="); ok && names != "" {
			return strings.Split(names, ",")
		}
	}
	return nil
}

// run runs a program in a folder to its end and returns what it prints.
func run(t *testing.T, folder, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = folder
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	return string(out)
}

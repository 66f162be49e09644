package sysfs

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/internal/need"
	"sensor-agent/sensors"
)

// number is an input whose value is that of an attribute.
func number(name string) Input {
	return func(f *Folder) (Measure, error) {
		a, err := f.Open(name)
		return func() (sensors.Measurement, error) {
			v, err := a.Number()
			return sensors.Value(v), err
		}, err
	}
}

func at(dir string) func() (string, error) { return func() (string, error) { return dir, nil } }

func opened(t *testing.T, root fs.FS, find func() (string, error), inputs ...Input) sensors.Sensor {
	t.Helper()
	s, err := Open(root, find, inputs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestReadMeasuresAnew(t *testing.T) {
	root := tree{MapFS: fstest.MapFS{"d/a": file("1\n"), "d/b": file("-2.5\n")}}
	s := opened(t, root, at("d"), number("a"), number("b"))
	for _, want := range []float64{1, 7} {
		root.MapFS["d/a"].Data = []byte{'0' + byte(want), '\n'}
		r, err := s.Read(t.Context())
		if err != nil || r[0].Value != want || r[1].Value != -2.5 {
			t.Errorf("%v, %v; want %v and -2.5", r, err, want)
		}
	}
}

func TestOneInputFails(t *testing.T) {
	root := tree{MapFS: fstest.MapFS{"d/a": file("1"), "d/b": file("2")}, faults: map[string]error{"d/a": syscall.EIO}}
	s := opened(t, root, at("d"), number("a"), number("b"))
	r, err := s.Read(t.Context())
	if err != nil || r[1].Value != 2 {
		t.Fatalf("%v, %v; want the second to be 2", r, err)
	}
	if r[0].Valid() || !strings.Contains(r[0].Reason, "/sys/d/a: input/output error: the device does not answer") {
		t.Errorf("measurement %+v", r[0])
	}
	root.faults["d/b"] = syscall.EBUSY
	if r, err := s.Read(t.Context()); r != nil || !errors.Is(err, syscall.EIO) {
		t.Errorf("both fail: %v, %v; want the error of the first", r, err)
	}
	clear(root.faults)
	if r, err := s.Read(t.Context()); err != nil || r[0].Value != 1 {
		t.Errorf("both back: %v, %v", r, err)
	}
}

// What was unplugged comes back under another number, and something else has
// taken over the one it had.
func TestUnpluggedAndBack(t *testing.T) {
	root := tree{MapFS: fstest.MapFS{"c/dev0/name": file("bme280"), "c/dev0/temp": file("20")}, faults: map[string]error{}}
	class := Class{Kind: "device", Dir: "c", Prefix: "dev", Name: "name", Advice: "plug it in"}
	s := opened(t, root, func() (string, error) { return class.Find(root, "bme280", "") }, number("temp"))

	root.faults["c/dev0/temp"] = syscall.ENODEV
	delete(root.MapFS, "c/dev0/name")
	delete(root.MapFS, "c/dev0/temp")
	for range 2 {
		if r, err := s.Read(t.Context()); r != nil || !errors.Is(err, sensors.ErrNotFound) {
			t.Errorf("unplugged: %v, %v", r, err)
		}
	}
	clear(root.faults)
	root.MapFS["c/dev0/name"], root.MapFS["c/dev0/temp"] = file("other"), file("99")
	root.MapFS["c/dev1/name"], root.MapFS["c/dev1/temp"] = file("bme280"), file("21")
	if r, err := s.Read(t.Context()); err != nil || r[0].Value != 21 {
		t.Errorf("back: %v, %v; want 21", r, err)
	}

	// Faster than a reading comes by.
	root.faults["c/dev1/temp"] = syscall.ENODEV
	delete(root.MapFS, "c/dev1/name")
	root.MapFS["c/dev2/name"], root.MapFS["c/dev2/temp"] = file("bme280"), file("22")
	if r, err := s.Read(t.Context()); err != nil || r[0].Value != 22 {
		t.Errorf("replugged between two readings: %v, %v; want 22", r, err)
	}
}

func TestWhatWasOpenedIsClosed(t *testing.T) {
	root := tree{MapFS: fstest.MapFS{"d/a": file("1"), "d/b": file("2")}, faults: map[string]error{}, opened: map[string]int{}}
	if _, err := Open(root, at("d"), []Input{number("a"), number("nothing")}); err == nil {
		t.Error("opened nothing")
	}
	s, err := Open(root, at("d"), []Input{number("a"), number("b")})
	if err != nil {
		t.Fatal(err)
	}
	root.faults["d/a"], root.faults["d/b"] = syscall.ENODEV, syscall.ENODEV
	if _, err := s.Read(t.Context()); !errors.Is(err, syscall.ENODEV) {
		t.Error(err)
	}
	if diff := cmp.Diff(map[string]int{"d/a": 1, "d/b": 1}, root.opened); diff != "" {
		t.Errorf("opened again, open (-want +got)\n%s", diff)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(map[string]int{"d/a": 0, "d/b": 0}, root.opened); diff != "" {
		t.Errorf("closed, open (-want +got)\n%s", diff)
	}
}

func TestReadHeedsItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	root := tree{MapFS: fstest.MapFS{"d/a": file("1")}}
	cancelling := func(*Folder) (Measure, error) {
		return func() (sensors.Measurement, error) { cancel(); return sensors.Value(0), nil }, nil
	}
	s := opened(t, root, at("d"), cancelling, number("a"))
	if r, err := s.Read(ctx); r != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", r, err)
	}
}

func TestOpenFails(t *testing.T) {
	root := tree{MapFS: fstest.MapFS{"d/a": file("1"), "d/folder/b": file("2")}}
	for _, name := range []string{"nothing", "folder"} {
		if _, err := Open(root, at("d"), []Input{number("a"), number(name)}); err == nil || !strings.Contains(err.Error(), "/sys/d/"+name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	root := tree{MapFS: fstest.MapFS{"d/a": file("")}, faults: map[string]error{}}
	a, err := open(root, "d/a")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{syscall.EACCES, "reading /sys/d/a: permission denied: let the agent's user read it"},
		{syscall.ENODEV, "is unplugged"},
		{syscall.EBUSY, "another program"},
		{syscall.ENODATA, "switched off"},
		{syscall.ETIMEDOUT, "check its wires"},
		{remoteIO, "check its wires"},
		{syscall.EINVAL, "reading /sys/d/a: invalid argument"},
	} {
		root.faults["d/a"] = test.err
		if _, err := a.Number(); !errors.Is(err, test.err) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: error %v, want …%s…", test.err, err, test.want)
		}
	}
}

func TestTextIsBounded(t *testing.T) {
	root := tree{MapFS: fstest.MapFS{"a": file(strings.Repeat("1", limit-1)), "b": file(strings.Repeat("1", limit))}}
	for name, want := range map[string]bool{"a": true, "b": false} {
		if _, err := readText(root, name); (err == nil) != want {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("-0.000123456\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := opened(t, os.DirFS(dir), at("."), number("a"))
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if r, err := s.Read(ctx); err != nil || r[0].Value != -0.000123456 {
			t.Error(r, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The kernel that runs the test measures anew at each read of an open
// attribute.
func TestKernel(t *testing.T) {
	const name = "class/net/lo/statistics/rx_packets"
	a, err := open(Root(), name)
	if errors.Is(err, fs.ErrNotExist) {
		need.Lacking(t, "there is no /sys/%s", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer a.file.Close()
	for range 2 {
		if v, err := a.Number(); err != nil || v < 0 {
			t.Errorf("%v, %v", v, err)
		}
	}
}

func FuzzNumber(f *testing.F) {
	for _, text := range []string{"", "21500\n", "-0.000123456", "101.324970000", "nan", "1e999", "1 2 ", "-3 dB", "\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := open(tree{MapFS: fstest.MapFS{"a": file(text)}}, "a")
		if err != nil {
			t.Fatal(err)
		}
		if v, err := a.Number(); err == nil && (math.IsNaN(v) || math.IsInf(v, 0) || strings.TrimSpace(text) == "") {
			t.Errorf("%q is %v", text, v)
		}
	})
}

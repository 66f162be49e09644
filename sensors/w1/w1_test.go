package w1

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"sensor-agent/sensors"
)

const (
	kitchen = "28-0316a2795bff"
	cellar  = "10-000802a59f3c"
)

// wire is a bus with these thermometers on it, by id, and what w1_slave of each
// says.
func wire(thermometers map[string]string) fstest.MapFS {
	tree := fstest.MapFS{
		"bus/w1/devices/w1_bus_master1":    {Data: []byte("../../../devices/w1_bus_master1"), Mode: fs.ModeSymlink},
		"devices/w1_bus_master1/w1_master": {},
	}
	for id, text := range thermometers {
		tree["bus/w1/devices/"+id] = &fstest.MapFile{Data: []byte("../../../devices/w1_bus_master1/" + id), Mode: fs.ModeSymlink}
		tree["devices/w1_bus_master1/"+id+"/name"] = &fstest.MapFile{Data: []byte(id + "\n")}
		tree["devices/w1_bus_master1/"+id+"/w1_slave"] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

func planned(tree fs.FS, id string) (sensors.Plan, error) {
	return driver(tree).Configure(func(filled any) error { filled.(*options).ID = id; return nil })
}

func open(t *testing.T, tree fs.FS, id string) (sensors.Sensor, error) {
	t.Helper()
	plan, err := planned(tree, id)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Open(t.Context(), sensors.Wire{})
}

func TestRead(t *testing.T) {
	one := map[string]string{kitchen: "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n"}
	two := map[string]string{kitchen: one[kitchen], cellar: "32 00 4b 46 ff ff 04 10 a1 : crc=a1 YES\n32 00 4b 46 ff ff 04 10 a1 t=25500\n"}
	for _, test := range []struct {
		thermometers map[string]string
		id           string
		want         float64
	}{
		{one, "", 23.125},
		{one, kitchen, 23.125},
		{two, kitchen, 23.125},
		{two, cellar, 25.5},
	} {
		s, err := open(t, wire(test.thermometers), test.id)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := s.Read(t.Context()); err != nil || r[0].Value != test.want {
			t.Errorf("id %q of %d: %v, %v; want %v", test.id, len(test.thermometers), r, err, test.want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestReadFails(t *testing.T) {
	for text, want := range map[string]string{
		"": "did not answer, or not with a right checksum: check its wires, and the resistor",
		"72 01 4b 46 7f ff 0e 10 58 : crc=57 NO\n72 01 4b 46 7f ff 0e 10 57 t=23125\n": "wrong checksum in \"72 01 4b 46 7f ff 0e 10 58 : crc=57 NO\": check its wires",
		"23125\n": `"23125" is not what w1_therm writes`,
		"72 01 4b 46 7f ff 0e 10 5 : crc=57 YES\n":  "not what w1_therm writes",
		"72 01 4b 46 7f ff 0e 10 gg : crc=57 YES\n": "not what w1_therm writes",
		"72 01 4b 46 7f YES\n":                      "not what w1_therm writes",
	} {
		s, err := open(t, wire(map[string]string{kitchen: text}), "")
		if err != nil {
			t.Fatal(err)
		}
		if r, err := s.Read(t.Context()); r != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want an error …%s…", text, r, err, want)
		}
	}
}

func TestOpenTellsWhatIsThere(t *testing.T) {
	noise := wire(map[string]string{"00-400000000000": ""})
	lone := wire(map[string]string{kitchen: ""})
	withoutTherm := wire(map[string]string{kitchen: ""})
	delete(withoutTherm, "devices/w1_bus_master1/"+kitchen+"/w1_slave")
	for _, test := range []struct {
		name    string
		tree    fs.FS
		id      string
		want    string
		missing bool
	}{
		{"no bus", fstest.MapFS{}, "", "write dtoverlay=w1-gpio into /boot/firmware/config.txt", true},
		{"nothing on it", wire(nil), "", "no thermometer answers: check its wires, and the resistor of 4.7 kΩ", true},
		{"noise on it", noise, kitchen, "what answers is 00-400000000000", true},
		{"another", lone, cellar, "no thermometer " + cellar + ": check its wires, and the resistor of 4.7 kΩ between data and 3.3 V; there is " + kitchen, true},
		{"two", wire(map[string]string{kitchen: "", cellar: ""}), "", "there are 2 thermometers: say which by `id`; there are " + cellar + ", " + kitchen, false},
		{"no driver", withoutTherm, "", "sudo modprobe w1_therm", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := open(t, test.tree, test.id)
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, sensors.ErrNotFound) != test.missing {
				t.Errorf("error %v, want …%s…, not found %v", err, test.want, test.missing)
			}
		})
	}
}

func TestBadID(t *testing.T) {
	for _, id := range []string{"28-0316A2795BFF", "28.0316a2795bff", "28-0316a2795bff0", "3b-0316a2795bff", "../28-0316a2795bff"} {
		_, err := planned(wire(nil), id)
		if bad, ok := errors.AsType[*sensors.OptionError](err); !ok || bad.Option != "id" {
			t.Errorf("%q: error %v", id, err)
		}
	}
}

func TestReadStartsNothingAfterItsContext(t *testing.T) {
	s, err := open(t, wire(map[string]string{kitchen: ""}), "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	dir := t.TempDir()
	thermometer := filepath.Join(dir, folder, kitchen)
	if err := os.MkdirAll(thermometer, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"name": kitchen, "w1_slave": "5e ff 4b 46 7f ff 02 10 a3 : crc=a3 YES\n5e ff 4b 46 7f ff 02 10 a3 t=-10125\n"} {
		if err := os.WriteFile(filepath.Join(thermometer, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := open(t, os.DirFS(dir), "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if r, err := s.Read(ctx); err != nil || r[0].Value != -10.125 {
			t.Error(r, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

package doctor

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	// The tests wait most of the time, so more may run at once than there are
	// processors.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// A sighting is a state that a check is shown, and what it says of it.
type sighting struct {
	name   string
	look   func(t *testing.T) []Finding
	status Status
	what   string // in what the check says
	do     string // in what it says to do; "": nothing
}

// sightings are of each line that doctor can print: of each check the good and
// the bad ones.
func sightings() map[Check][]sighting {
	return map[Check][]sighting{
		Configuration: configurationSightings,
		Service:       serviceSightings,
		Agent:         agentSightings,
		Power:         powerSightings,
		Clock:         clockSightings,
		Outbox:        append(outboxSightings, diskSightings...),
		Bus:           busSightings,
		Access:        accessSightings,
		Address:       addressSightings,
		Sensor:        sensorSightings,
		Broker:        append(brokerSightings, hiddenSightings...),
		Publish:       publishSightings,
		Commands:      commandsSightings,
		ClientID:      clientIDSightings,
	}
}

func TestChecks(t *testing.T) {
	for _, check := range Checks() {
		good, bad := false, false
		for _, s := range sightings()[check] {
			good = good || s.status == OK
			bad = bad || s.status == Failed || s.status == Warning
			t.Run(string(check)+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				s.see(t, check)
			})
		}
		if !good || !bad {
			t.Errorf("%s is not seen both ways: good %v, bad %v", check, good, bad)
		}
	}
}

// see looks until the check says what it should. A machine may stall for
// seconds, and then what is there seems not to be, so it looks up to three times.
func (s sighting) see(t *testing.T, check Check) {
	var found []Finding
	for range 3 {
		found = s.look(t)
		if slices.ContainsFunc(found, func(f Finding) bool { return s.is(check, f) }) {
			break
		}
	}
	if !slices.ContainsFunc(found, func(f Finding) bool { return s.is(check, f) }) {
		t.Errorf("found %+v\n want %s: … %s …, do: … %s …", found, s.status, s.what, s.do)
	}
	for _, f := range found {
		if f.Status == Failed && (s.status == OK || f.Do == "") {
			t.Errorf("found %+v", f)
		}
		if strings.Contains(f.What+f.Do, "%!") {
			t.Errorf("badly formatted: %+v", f)
		}
	}
}

// is reports whether f is the line that s is of.
func (s sighting) is(check Check, f Finding) bool {
	return f.Check == check && f.Status == s.status && strings.Contains(f.What, s.what) &&
		strings.Contains(f.Do, s.do) && (s.do == "") == (f.Do == "")
}

// alone makes the only finding of a check a list.
func alone(f Finding) []Finding { return []Finding{f} }

// machine returns a machine with files; where the text begins with "->" it is a
// link.
func machine(t *testing.T, files map[string]string) Machine {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(text, "->"); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return Machine{Root: root}
}

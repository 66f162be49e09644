// Package rules holds the module's graph to the few rules that keep its parts
// apart: who may know whom, which package alone uses a library, and which
// libraries the program is made of. Breaking one is allowed, but as a decision:
// the rule is changed here, in the same commit.
package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const (
	program = "sensor-agent/cmd/sensor-agent"
	paho    = "github.com/eclipse/paho.mqtt.golang/..."
	mochi   = "github.com/mochi-mqtt/server/v2/..."
	yaml    = "gopkg.in/yaml.v3"
	host    = "periph.io/x/host/v3/..."
)

// Who must not know whom, whether directly or through others. "..." is as in
// the go command: the package before it and all below it.
var strangers = []struct {
	who  string
	whom []string
	why  string
}{
	{
		"sensor-agent/sensors/...",
		[]string{"sensor-agent/publisher/...", "sensor-agent/control/...", "sensor-agent/internal/config", "sensor-agent/internal/bus", paho, mochi, yaml, host},
		"a driver measures on the bus it is handed; it knows nothing of MQTT or of the configuration file",
	},
	{
		"sensor-agent/control/...",
		[]string{"sensor-agent/publisher/...", "sensor-agent/internal/config", paho, mochi},
		"control decides on commands; how they come and go is not its affair",
	},
	{
		"sensor-agent/publisher/...",
		[]string{"sensor-agent/control/...", "sensor-agent/internal/config", mochi},
		"the publisher carries messages; what they command or how they were configured is not its affair",
	},
	{
		program,
		[]string{"sensor-agent/internal/chips/...", "sensor-agent/internal/need", "testing"},
		"what only tests need is not linked into the program",
	},
}

// The one package, tests included, that imports a library: to exchange the
// library is then to change one package.
var soleImporters = map[string]string{
	paho:  "sensor-agent/publisher",
	mochi: "sensor-agent/internal/broker",
	yaml:  "sensor-agent/internal/config",
	host:  "sensor-agent/internal/bus",
}

// The modules the program is made of, beside its own and the standard library.
// Each costs every Raspberry Pi memory and every reader trust.
var linked = []string{
	"github.com/eclipse/paho.mqtt.golang", // the MQTT client
	"github.com/gorilla/websocket",        // paho, mochi: brokers behind ws and wss
	"github.com/mochi-mqtt/server/v2",     // the broker of `sensor-agent demo`
	"github.com/rs/xid",                   // mochi
	"golang.org/x/net",                    // paho: proxies
	"golang.org/x/sync",                   // errgroup
	"golang.org/x/sys",                    // timerfd, socket options
	"gopkg.in/yaml.v3",                    // the configuration
	"periph.io/x/conn/v3",                 // the interfaces of buses
	"periph.io/x/devices/v3",              // drivers that are sound enough to wrap
	"periph.io/x/host/v3",                 // buses of Linux
}

func TestStrangers(t *testing.T) {
	packages := load(t)
	for _, rule := range strangers {
		var matched bool
		for _, who := range packages.own() {
			if !match(rule.who, who) {
				continue
			}
			matched = true
			for _, whom := range rule.whom {
				if chain := packages.chain(who, whom); chain != nil {
					t.Errorf("%s\n\tbut %s", rule.why, strings.Join(chain, "\n\timports "))
					break // one reason is enough
				}
			}
		}
		if !matched {
			t.Errorf("no package is %s: the rule about it has to follow the code", rule.who)
		}
	}
}

// TestVocabulary is stricter than the rules for drivers: what the whole module
// imports must not drag anything along.
func TestVocabulary(t *testing.T) {
	packages := load(t)
	for path := range packages.reach("sensor-agent/sensors") {
		p := packages[path]
		if !p.Standard && path != "sensor-agent/sensors" && !match("periph.io/x/conn/v3/...", path) {
			t.Errorf("the vocabulary of measuring is built on the standard library and periph's conn only\n\tbut %s",
				strings.Join(packages.chain("sensor-agent/sensors", path), "\n\timports "))
		}
	}
}

func TestSoleImporters(t *testing.T) {
	packages := load(t)
	for library, sole := range soleImporters {
		var importers []string
		for _, path := range packages.own() {
			p := packages[path]
			imports := slices.Concat(p.Imports, p.TestImports, p.XTestImports)
			if slices.ContainsFunc(imports, func(i string) bool { return match(library, i) }) {
				importers = append(importers, path)
			}
		}
		if !slices.Equal(importers, []string{sole}) {
			t.Errorf("%s is imported by %v, want %s alone", library, importers, sole)
		}
	}
}

func TestNobodyImportsTheProgram(t *testing.T) {
	packages := load(t)
	for _, path := range packages.own() {
		for _, i := range packages[path].Imports {
			if match("sensor-agent/cmd/...", i) && !match("sensor-agent/cmd/...", path) {
				t.Errorf("%s imports %s: what both need belongs elsewhere", path, i)
			}
		}
	}
}

func TestLinkedModules(t *testing.T) {
	packages := load(t)
	first := map[string]string{} // module: the first of its packages
	for path := range packages.reach(program) {
		if m := packages[path].Module; m != nil && !m.Main && (first[m.Path] == "" || path < first[m.Path]) {
			first[m.Path] = path
		}
	}
	for module, path := range first {
		if !slices.Contains(linked, module) {
			t.Errorf("%s has become a part of the program:\n\t%s", module,
				strings.Join(packages.chain(program, path), "\n\timports "))
		}
	}
	for _, module := range linked {
		if first[module] == "" {
			t.Errorf("%s is no part of the program any more: strike it off the list", module)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"a/b", "a/b", true},
		{"a/b", "a/b/c", false},
		{"a/b/...", "a/b", true},
		{"a/b/...", "a/b/c", true},
		{"a/b/...", "a/bc", false},
	} {
		if got := match(c.pattern, c.path); got != c.want {
			t.Error(fmt.Sprintf("match(%q, %q)", c.pattern, c.path), got)
		}
	}
}

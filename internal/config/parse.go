package config

import (
	"fmt"
	"io"
	"os"
	"strings"

	"gopkg.in/yaml.v3"

	"sensor-agent/sensors"
)

// An Environment is all that a configuration depends on beside its text.
type Environment struct {
	// Lookup finds an environment variable, as os.LookupEnv does. nil finds
	// none.
	Lookup func(name string) (string, bool)
	// Hostname is the default name of the device.
	Hostname string
	// Drivers are the drivers a sensor can have.
	Drivers []sensors.Driver
	// Overrides are values given by flags, by the key they set:
	// "log.level": "debug". Those for a list are separated by commas.
	Overrides map[string]string
}

func (env Environment) lookup(name string) (string, bool) {
	if env.Lookup == nil {
		return "", false
	}
	return env.Lookup(name)
}

// Load reads and parses the file at path. It does not read secrets, and opens
// nothing else: whoever connects calls [Config.ReadSecrets] next.
func Load(path string, env Environment) (*Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxText+1)) // Parse refuses what is longer
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return Parse(path, text, env)
}

// Parse turns the text of a configuration into values. It touches no file:
// name is only for messages. The error, if any, is [Errors], which holds all
// that is wrong.
func Parse(name string, text []byte, env Environment) (*Config, error) {
	r := newReport(name, text)
	root := document(r, text)
	if root == nil {
		return nil, r.err()
	}
	c := defaults()
	// Each stream has defaults of its own, and what a sensor can be told
	// depends on its driver: so these wait as nodes.
	var lists struct {
		Streams []*yaml.Node `yaml:"streams"`
		Sensors []*yaml.Node `yaml:"sensors"`
	}
	d := &decoder{report: r, lookup: env.lookup}
	d.mapping(root, "", c, &lists)
	r.override(c, env)

	c.Sensors = d.sensors(lists.Sensors, env.Drivers)
	c.Streams = d.streams(lists.Streams)
	if d.full() {
		return nil, Errors{{
			Where:   name,
			Problem: fmt.Sprintf("the configuration holds more than %d values", maxNodes),
			Hint:    "do not repeat lists by aliases",
		}}
	}
	c.complete(r, env)
	c.check(r)
	if err := r.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// complete fills in what depends on the environment or on another key.
func (c *Config) complete(r *report, env Environment) {
	if c.Device == "" {
		c.Device = hostDevice(env.Hostname)
	}
	if problem, hint := badLevel(c.Device); problem != "" {
		r.fail("device", problem, hint)
		c.Device = "device" // stands in, so that no topic is blamed for it
	}
	if c.Outbox.Dir == "" {
		c.Outbox.Dir = stateDir(env)
	}
	for path, topic := range c.topics() {
		*topic = expand(r, path, *topic, c.Device)
	}
	for i, s := range c.Streams {
		c.resolve(r, i, s)
	}
}

// hostDevice makes a device name of a host name. A dot becomes a dash, since
// some brokers do not take it inside a topic level.
func hostDevice(host string) string {
	name := strings.Map(func(c rune) rune {
		if plainRune(c) {
			return c
		}
		return '-'
	}, host)
	if name = strings.Trim(name[:min(len(name), maxName)], "-"); name != "" {
		return name
	}
	return "sensor-agent"
}

// stateDir is where a service or a user keeps state: what systemd says
// (STATE_DIRECTORY, the first of its list), else the XDG base directory, else
// where a service's would be.
func stateDir(env Environment) string {
	if dirs, _ := env.lookup("STATE_DIRECTORY"); dirs != "" {
		dir, _, _ := strings.Cut(dirs, ":")
		return dir
	}
	if dir, _ := env.lookup("XDG_STATE_HOME"); dir != "" {
		return dir + "/sensor-agent"
	}
	if home, _ := env.lookup("HOME"); home != "" {
		return home + "/.local/state/sensor-agent"
	}
	return "/var/lib/sensor-agent"
}

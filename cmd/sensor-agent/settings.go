package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"sensor-agent/internal/config"
	"sensor-agent/publisher"
	"sensor-agent/sensors/catalog"
)

// configPaths are where a configuration is looked for when none is named.
var configPaths = []string{"/etc/sensor-agent/config.yaml", "sensor-agent.yaml"}

// settings are the flags that most subcommands share: where the configuration
// is, and what overrides it.
type settings struct {
	path      string
	overrides map[string]string
}

// register adds the flags that every subcommand with a configuration has.
func (s *settings) register(f *flag.FlagSet) {
	s.overrides = map[string]string{}
	f.StringVar(&s.path, "config", os.Getenv("SENSOR_AGENT_CONFIG"),
		"configuration `FILE` (default: "+strings.Join(configPaths, ", then ")+")")
}

// override adds a flag that stands for a key of the configuration.
func (s *settings) override(f *flag.FlagSet, name, key, usage string) {
	f.Func(name, usage, func(value string) error {
		s.overrides[key] = value
		return nil
	})
}

func (s *settings) registerBroker(f *flag.FlagSet) {
	s.override(f, "broker", "mqtt.brokers", "broker `URL` instead of the configured ones: tcp://host:1883, ssl://, ws://, wss://")
}

func (s *settings) registerLog(f *flag.FlagSet) {
	s.override(f, "log-level", "log.level", "`LEVEL` of what is logged: debug, info, warn or error")
	s.override(f, "log-format", "log.format", "`FORMAT` of the log: auto, text or json")
}

func (s *settings) environment() config.Environment {
	host, err := os.Hostname()
	if err != nil {
		host = "sensor-agent"
	}
	return config.Environment{
		Lookup:    os.LookupEnv,
		Hostname:  host,
		Drivers:   catalog.Drivers(),
		Overrides: s.overrides,
	}
}

// load reads the configuration.
func (s *settings) load() (*config.Config, error) {
	path, err := s.find()
	if err != nil {
		return nil, err
	}
	return s.loadFrom(path)
}

func (s *settings) loadFrom(path string) (*config.Config, error) {
	c, err := config.Load(path, s.environment())
	if errors.Is(err, fs.ErrPermission) {
		return nil, &exitError{exitPermission, err}
	}
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	return c, nil
}

// find returns the configuration that is named, or the first there is.
func (s *settings) find() (string, error) {
	if s.path != "" {
		return s.path, nil
	}
	for _, path := range configPaths {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", &exitError{exitConfig, fmt.Errorf("there is no configuration: name one with --config FILE, or try `sensor-agent demo`, which needs none")}
}

// loadForTools reads the configuration for a subcommand that only talks to the
// broker: without a file the defaults will do, and nothing is said of sensors.
func (s *settings) loadForTools() (*config.Config, error) {
	path, err := s.find()
	if err == nil {
		return s.loadFrom(path)
	}
	c, err := config.Parse("defaults", []byte("sensors: [{driver: simulated}]\n"), s.environment())
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	return c, nil
}

// login returns as whom to connect. what tells the connections of one device
// apart: the agent's own is "".
func login(c *config.Config, env config.Environment, what string) (publisher.Login, error) {
	if err := c.ReadSecrets(env); err != nil {
		code := exitConfig
		if errors.Is(err, fs.ErrPermission) {
			code = exitPermission
		}
		return publisher.Login{}, &exitError{code, err}
	}
	id := c.MQTT.ClientID
	if id == "" {
		id = clientID(c.Device)
	}
	if what != "" {
		id += "-" + what
	}
	return publisher.Login{
		ClientID: id,
		Username: c.MQTT.Username,
		Password: string(c.MQTT.Password),
		TLS:      publisher.TLS(c.MQTT.TLS),
	}, nil
}

// clientID derives a client id from the device's name and the machine, so that
// it is the same after a restart and differs between machines that were
// installed from one image. The machine's id itself is confidential
// (machine-id(5)), so it is hashed.
func clientID(device string) string {
	machine, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		host, _ := os.Hostname()
		machine = []byte(host)
	}
	sum := sha256.Sum256(append(machine, "sensor-agent "+device...))
	return "sensor-agent-" + hex.EncodeToString(sum[:4])
}

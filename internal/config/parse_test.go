package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// minimal is a valid configuration to add keys to.
const minimal = example + "\n"

func mustParse(t *testing.T, text string, env Environment) *Config {
	t.Helper()
	c, err := Parse("config.yaml", []byte(text), env)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// only makes an environment of these variables: NAME=value.
func only(variables ...string) Environment {
	env := environment()
	env.Lookup = func(name string) (string, bool) {
		for _, v := range variables {
			if key, value, _ := strings.Cut(v, "="); key == name {
				return value, true
			}
		}
		return "", false
	}
	return env
}

func TestPrecedence(t *testing.T) {
	const text = minimal + "log: {level: warn, format: text}\nmqtt: {brokers: [tcp://file], username: file}\n"
	env := only("HOME=/", "SENSOR_AGENT_LOG_LEVEL=error", "SENSOR_AGENT_DEVICE=pi-2", "SENSOR_AGENT_CONTROL_MIN=2",
		"SENSOR_AGENT_MQTT_BROKERS=tcp://one, ssl://two", "SENSOR_AGENT_MQTT_TLS_CA_FILE=ca.pem", "SENSOR_AGENT_CONFIG=x")
	env.Overrides = map[string]string{"log.level": "debug"}
	c := mustParse(t, text, env)

	got := []string{
		string(c.Log.Level), string(c.Log.Format), c.Device, c.Control.Min.String(), c.MQTT.TLS.CAFile, c.MQTT.Username,
		fmt.Sprint(c.MQTT.Brokers), c.Topics.Status,
	}
	want := []string{
		"debug", "text", "pi-2", "2s", "ca.pem", "file",
		"[tcp://one:1883 ssl://two:8883]", "iot/pi-2/status",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c.Log.Level.Level() != slog.LevelDebug {
		t.Errorf("debug is %v to slog", c.Log.Level.Level())
	}
}

// An error of a value from outside the file names where it is from.
func TestOverrideErrors(t *testing.T) {
	env := only("HOME=/", "SENSOR_AGENT_CONTROL_MIN=soon", "SENSOR_AGENT_MQTT_BROKERS=tcp://a,http://b")
	env.Overrides = map[string]string{"log.level": "loud", "log.colour": "red", "outbox.drian": "3"}
	_, err := Parse("config.yaml", []byte(minimal), env)
	want := `SENSOR_AGENT_MQTT_BROKERS: mqtt.brokers: "http://b" has a scheme that MQTT does not have
        write tcp, ssl, ws or wss before ://
SENSOR_AGENT_CONTROL_MIN: control.min: "soon" is not a duration
        write a number of seconds, or one with a unit such as 500ms, 10s, 2m, 1h30m
command line: log.level: "loud" is not one of info, debug, warn, error
        write one of info, debug, warn, error
command line: log.colour: unknown key
        known: device, clock, mqtt.brokers, mqtt.client_id, mqtt.username, mqtt.password_file, mqtt.tls.ca_file, mqtt.tls.cert_file, mqtt.tls.key_file, mqtt.tls.server_name, topics.status, topics.state, topics.event, topics.ack, topics.sensor, control.topic, control.min, control.max, control.remember, outbox.dir, outbox.max_size, outbox.sync, outbox.drain, message.timestamp, web.listen, log.level, log.format
command line: outbox.drian: unknown key
        did you mean "outbox.drain"?`
	if err == nil || err.Error() != want {
		t.Errorf("(-want +got):\n%s", cmp.Diff(want, fmt.Sprint(err)))
	}
}

func TestDeviceDefault(t *testing.T) {
	for host, want := range map[string]string{
		"raspberrypi":            "raspberrypi",
		"pi.home.example":        "pi-home-example",
		"Küche #1":               "K-che--1",
		"":                       "sensor-agent",
		"...":                    "sensor-agent",
		strings.Repeat("a", 300): strings.Repeat("a", 64),
	} {
		env := environment()
		env.Hostname = host
		if c := mustParse(t, minimal, env); c.Device != want {
			t.Errorf("host %q gives device %q, want %q", host, c.Device, want)
		}
	}
}

func TestOutboxDirDefault(t *testing.T) {
	for _, test := range []struct {
		variables []string
		want      string
	}{
		{[]string{"STATE_DIRECTORY=/var/lib/sensor-agent:/var/lib/other", "HOME=/root"}, "/var/lib/sensor-agent"},
		{[]string{"XDG_STATE_HOME=/home/pi/state", "HOME=/home/pi"}, "/home/pi/state/sensor-agent"},
		{[]string{"HOME=/home/pi"}, "/home/pi/.local/state/sensor-agent"},
		{nil, "/var/lib/sensor-agent"},
	} {
		c, err := Parse("config.yaml", []byte(minimal), only(test.variables...))
		if err != nil || c.Outbox.Dir != test.want {
			t.Errorf("%v: %+v, error %v", test.variables, c, err)
		}
	}
}

// A value may be unquoted whatever YAML takes it for; an empty one is the default.
func TestValuesAreText(t *testing.T) {
	c := mustParse(t, `
device: 007
mqtt: {client_id: true, username: 2026-11-21}
control: {topic: , max: 90}
web:
message: {timestamp: ~}
outbox: {max_size: 1GiB, drain: 0x10}
sensors:
  - {name: 1, driver: bme280, bus: 1, address: 119}
  - {name: 3, driver: bme280, bus: , address: , keys: {temp: t, humi: h, pressure: p}}
  - {name: 2, driver: mcp3008, bus: 0.10, channels: [{quantity: voltage}]}
`, environment())
	got := []any{
		c.Device, c.MQTT.ClientID, c.MQTT.Username, c.Control.Topic, c.Control.Max, c.Message.Timestamp,
		c.Outbox.MaxSize, c.Outbox.Drain, c.Sensors[0].Name, c.Sensors[0].Bus, c.Sensors[0].Address, c.Sensors[1].Address, c.Sensors[2].Bus,
	}
	want := []any{
		"007", "true", "2026-11-21", "iot/topic/interval", 90 * time.Second, "rfc3339",
		Size(1 << 30), 16, "1", "1", uint16(0x77), uint16(0x76), "0.10",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Two sensors of one driver do not share what their options point to, and the
// driver's defaults stay as they are.
func TestOptionsAreCopies(t *testing.T) {
	env := environment()
	for range 2 {
		mustParse(t, "sensors: [{name: a, driver: bme680, heater: 250}]", env)
		c := mustParse(t, "sensors: [{name: a, driver: bme680}]", env)
		if got := c.Sensors[0].Plan.Takes; got != 200*time.Millisecond {
			t.Errorf("a reading takes %v", got)
		}
	}
	if got := env.Drivers[2].Options().(bme680Options).Heater; got != 320 {
		t.Errorf("the default became %d", got)
	}
}

// A few lines of aliases to aliases must not take for ever.
func TestAliasesAreBounded(t *testing.T) {
	var text strings.Builder
	text.WriteString("sensors:\n  - {name: sim, driver: simulated}\nstreams:\n")
	names := strings.TrimSuffix(strings.Repeat("x,", 5_000), ",")
	fmt.Fprintf(&text, "  - {name: s0, sensors: &l [%s]}\n", names)
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&text, "  - {name: s%d, sensors: *l}\n", i)
	}
	_, err := Parse("config.yaml", []byte(text.String()), environment())
	want := "config.yaml: the configuration holds more than 20000 values\n        do not repeat lists by aliases"
	if err == nil || err.Error() != want {
		t.Errorf("got %.200v", err)
	}
}

func TestTooLong(t *testing.T) {
	text := minimal + strings.Repeat("# padding\n", maxText/10)
	_, err := Parse("config.yaml", []byte(text), environment())
	if err == nil || !strings.Contains(err.Error(), "longer than 1MiB") {
		t.Errorf("got %.200v", err)
	}
}

func TestTooManySensors(t *testing.T) {
	_, err := Parse("config.yaml", []byte("sensors:\n"+strings.Repeat("  - {driver: simulated}\n", 257)), environment())
	if err == nil || !strings.Contains(err.Error(), "more than 256 sensors") {
		t.Errorf("got %.200v", err)
	}
}

func TestErrorsUnwrap(t *testing.T) {
	_, err := Parse("config.yaml", []byte("devcie: x\n"), environment())
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("no *Error in %T", err)
	}
	want := `config.yaml: sensors: there are no sensors: write at least
sensors:
  - {name: sim, driver: simulated}`
	if e.Error() != want {
		t.Errorf("got %s", e)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	if _, err := Load(path, environment()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	if err := os.WriteFile(path, []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, environment())
	if err != nil || len(c.Sensors) != 1 {
		t.Errorf("got %+v, %v", c, err)
	}
	if err := os.WriteFile(path, []byte("device: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, environment()); err == nil || !strings.HasPrefix(err.Error(), path+":") {
		t.Errorf("got %v", err)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "500kB": 500_000, "64MiB": 64 << 20, "1 GB": 1e9, "12B": 12, "4096": 4096,
		"8388607TiB": -1, "9223372036854775807kB": -1, "-1": -1, "": -1, "1.5MiB": -1, "MiB": -1, "1mb": -1,
	} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
		var again Size
		if want >= 0 && (again.UnmarshalText([]byte(got.String())) != nil || again != got) {
			t.Errorf("%q is written %q, which reads %d", text, got, again)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"5": 5 * time.Second, "0.5": 500 * time.Millisecond, "150ms": 150 * time.Millisecond, "1h30m": 90 * time.Minute,
		"1e-3": time.Millisecond, "-1": -time.Second,
		"NaN": -1, "inf": -1, "1e300": -1, "1e10": -1, "": -1, "1d": -1, "5 s": -1,
	} {
		got, err := parseDuration(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"interval", "topic", "sensors", "qos", "client_id"}
	for name, want := range map[string]string{
		"intervall": "interval", "itnerval": "interval", "Topic": "topic", "client-id": "client_id", "sensor": "sensors",
		"sq": "", "period": "", "": "", "qsos": "qos", strings.Repeat("interval", 1000): "",
	} {
		if got, _ := nearest(name, known); got != want {
			t.Errorf("%q is nearest to %q, want %q", name, got, want)
		}
	}
}

// No way to write a configuration to a log or a page shows the password.
func TestSecretsAreHidden(t *testing.T) {
	c := mustParse(t, minimal+`mqtt: {brokers: ["tcp://pi:hunter2@localhost"]}`, environment())
	c.MQTT.Password = "hunter2"
	if got, _ := c.MQTT.Brokers[0].URL.User.Password(); got != "hunter2" {
		t.Errorf("the URL lost its password, it has %q", got)
	}
	var log strings.Builder
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("x", "mqtt", c.MQTT, "password", c.MQTT.Password, "broker", c.MQTT.Brokers[0])
	}
	encoded, err := json.Marshal(c.MQTT)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{log.String(), string(encoded), c.MQTT.Password.String()}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(format, c.MQTT), fmt.Sprintf(format, c.MQTT.Password))
	}
	for _, text := range texts {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "68756e74") {
			t.Errorf("shows the password: %s", text)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range append(files, examplePath) {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	env := environment()
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("config.yaml", text, env)
		if err != nil {
			errs, ok := errors.AsType[Errors](err)
			if !ok || len(errs) == 0 || len(errs) > maxErrors+1 || c != nil {
				t.Fatalf("returned %v and %T of %d", c, err, len(errs))
			}
			if text := err.Error(); len(text) > 200_000 {
				t.Fatalf("an error of %d bytes", len(text))
			}
			return
		}
		if err := c.Describe(&strings.Builder{}); err != nil {
			t.Fatal(err)
		}
		for _, s := range c.Streams {
			seen := map[string]bool{}
			for _, field := range s.Fields() {
				if seen[field.Key] {
					t.Fatalf("the stream %s has the key %s twice", s.Name, field.Key)
				}
				seen[field.Key] = true
			}
			problem, _ := badTopic(s.Topic)
			if problem != "" || len(seen) == 0 || s.QoS > 1 || s.Interval < minInterval || s.Interval > maxInterval {
				t.Fatalf("accepted the stream %+v", s)
			}
		}
	})
}

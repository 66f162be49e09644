package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sensor-agent/internal/config"
	"sensor-agent/publisher"
	"sensor-agent/sensors/catalog"
)

func TestCheckTellsWhatWouldRun(t *testing.T) {
	t.Parallel()
	example, err := filepath.Abs("../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "--config", example}, {"check", example}} {
		stdout, stderr, code := invoke(t, args...)
		if code != 0 || stderr != "" {
			t.Errorf("%q: exit code %d: %s", args, code, stderr)
		}
		for _, text := range []string{
			"tcp://127.0.0.1:1883", "iot/sensor/value", "JSON with temp, humi, pressure, voc, dew_point, absolute_humidity, sea_level_pressure, light",
			"bme680 on I2C bus 1 at 0x76", "mcp3008 on SPI bus 0.0",
		} {
			if !strings.Contains(stdout, text) {
				t.Errorf("%q: no %q in\n%s", args, text, stdout)
			}
		}
	}
	// A flag overrides the file.
	stdout, _, code := invoke(t, "check", example, "--broker", "ssl://broker.example")
	if code != 0 || !strings.Contains(stdout, "ssl://broker.example:8883") || strings.Contains(stdout, "127.0.0.1") {
		t.Errorf("check with --broker: exit code %d\n%s", code, stdout)
	}
}

// All that is wrong is told at once, with its line and what to write instead.
func TestCheckTellsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	path := write(t, t.TempDir(), "bad.yaml", `device: greenhouse
strems: []
streams:
  - {name: main, interval: 0}
  - {name: light, topic: iot/+/light, format: value}
sensors:
  - {name: air, driver: bme68}
  - {name: light, driver: mcp3008, chanels: []}
  - {name: room, driver: bme280, address: 0x20}
`)
	stdout, stderr, code := invoke(t, "check", path)
	if code != 78 || stdout != "" {
		t.Errorf("exit code %d, standard output %q", code, stdout)
	}
	for _, text := range []string{
		path + ":2:1: strems: unknown key", `did you mean "streams"?`,
		path + ":4:", "streams[0].interval: 0s is not an interval",
		path + ":5:", "has a wildcard, which only a subscriber can use",
		path + ":7:", `there is no driver "bme68"`, `did you mean "bme680"?`,
		path + ":8:", `did you mean "channels"?`,
		path + ":9:", "0x20",
	} {
		if !strings.Contains(stderr, text) {
			t.Errorf("no %q in\n%s", text, stderr)
		}
	}
}

func TestCheckShowsNoSecret(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"mqtt: {brokers: [tcp://pi:hunter2@192.0.2.1:1883]}\n" + weather,
		"mqtt: {brokers: [tcp://pi:hunter2@192.0.2.1:99999]}\n" + weather,
		"mqtt: {brokers: [\"tcp://pi:hunter2/%@192.0.2.1\"]}\n" + weather,
		"mqtt: {username: pi, password: hunter2}\n" + weather,
		"mqtt: {username: pi, password: hunter2\n" + weather,
	} {
		stdout, stderr, code := invoke(t, "check", write(t, t.TempDir(), "config.yaml", text))
		if strings.Contains(stdout+stderr, "hunter2") || stdout+stderr == "" {
			t.Errorf("exit code %d\n%s%s\nof\n%s", code, stdout, stderr, text)
		}
	}
}

// testdata/options.yaml sets every option of every driver once, and check takes
// it.
func TestEveryOptionCanBeSet(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "options.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse(path, text, config.Environment{Hostname: "pi", Drivers: catalog.Drivers(), Overrides: map[string]string{"outbox.dir": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	var used []string
	for _, s := range c.Sensors {
		used = append(used, s.Driver)
	}
	for _, d := range catalog.Drivers() {
		if !slices.Contains(used, d.Name) {
			t.Errorf("%s: not there", d.Name)
			continue
		}
		_, block, _ := strings.Cut(string(text), "driver: "+d.Name+"\n")
		block, _, _ = strings.Cut(block, "  - name: ")
		for _, option := range optionNames(reflect.TypeOf(d.Options())) {
			if !regexp.MustCompile(`[ {]` + option + `:`).MatchString(block) {
				t.Errorf("%s: option %s is not set", d.Name, option)
			}
		}
	}
}

func optionNames(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("yaml"))
		if nested, ok := structBelow(t.Field(i).Type); ok {
			names = append(names, optionNames(nested)...)
		}
	}
	return names
}

// The configuration knows the directives of a timestamp without knowing the
// publisher.
func TestConfigAndPublisherAgreeOnTimestamps(t *testing.T) {
	t.Parallel()
	if config.TimestampDirectives != publisher.Directives {
		t.Errorf("config has %q, publisher %q", config.TimestampDirectives, publisher.Directives)
	}
}

func TestReadPrintsOneMessage(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	path := write(t, home, "config.yaml", `device: greenhouse
clock: always
message: {timestamp: unix}
sensors:
  - {name: sim, driver: simulated, keys: {gas: voc}}
  - {name: dice, driver: simulated, shape: uniform, min: 6, max: 6}
`)
	stdout, stderr, code := invoke(t, "read", "--config", path)
	if code != 0 || stderr != "" || strings.Count(stdout, "\n") != 1 {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if got, want := keys(t, stdout), "timestamp device light temp humi pressure voc value epoch seq"; got != want {
		t.Errorf("keys %s, want %s", got, want)
	}
	if !strings.Contains(stdout, `"device":"greenhouse"`) || !strings.Contains(stdout, `"value":6,`) {
		t.Errorf("message %s", stdout)
	}
}

// What could not be read is null, and the reason stands beside it.
func TestReadTellsWhatCouldNotBeRead(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	fault := write(t, home, "fault", "error")
	path := write(t, home, "config.yaml", `
sensors:
  - `+absent+`
  - {name: adc, driver: mcp3008, bus: "97.0", channels: [{channel: 0}]}
  - {name: good, driver: simulated, shape: uniform, min: 6, max: 6}
  - {name: bad, driver: simulated, shape: counter, keys: {value: count}, fault_file: `+fault+`}
`)
	stdout, stderr, code := invoke(t, "read", "--config", path)
	if code != 69 || strings.Count(stdout, "\n") != 1 {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
	if text := `"temp":null,"humi":null,"pressure":null,"voltage":null,"value":6,"count":null,`; !strings.Contains(stdout, text) {
		t.Errorf("message %swithout %s", stdout, text)
	}
	for _, text := range []string{
		"sensor air: ", "/dev/i2c-97: no such file or directory: see `ls /dev/i2c-*`",
		"sensor adc: ", "/dev/spidev97.0: no such file or directory: see `ls /dev/spidev*`",
		"sensor bad: the fault file says the sensor fails",
		"3 of 4 sensors could not be read",
	} {
		if !strings.Contains(stderr, text) {
			t.Errorf("no %q in\n%s", text, stderr)
		}
	}
	if strings.Contains(stderr, "sensor good") {
		t.Errorf("the good sensor is blamed:\n%s", stderr)
	}
}

// keys returns the keys of a JSON object in their order.
func keys(t *testing.T, text string) string {
	t.Helper()
	var names []string
	d := json.NewDecoder(strings.NewReader(text))
	for i := 0; d.More() || i == 0; i++ {
		token, err := d.Token()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if i%2 == 1 {
			names = append(names, token.(string))
		}
	}
	return strings.Join(names, " ")
}

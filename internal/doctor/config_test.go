package doctor

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"sensor-agent/internal/clock"
	"sensor-agent/internal/config"
	"sensor-agent/sensors/catalog"
)

var environment = config.Environment{Hostname: "greenhouse", Drivers: catalog.Drivers()}

// configured looks at a configuration with a text.
func configured(text string) func(t *testing.T) []Finding {
	return func(t *testing.T) []Finding {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path, environment)
		return Config(path, c, err)
	}
}

func mustParse(t testing.TB, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("test", []byte(text), environment)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var configurationSightings = []sighting{
	{"good", configured("sensors: [{driver: simulated}]"), OK, "config.yaml: device greenhouse, 1 sensor, 1 stream", ""},
	{"two of all", configured("streams: [{topic: a, name: a, sensors: [x]}, {topic: b, name: b, sensors: [y]}]\nsensors: [{driver: simulated, name: x}, {driver: simulated, name: y}]"), OK, "2 sensors, 2 streams", ""},
	{"unknown key", configured("sensor: [{driver: simulated}]"), Failed, `config.yaml:1:1: sensor: unknown key`, `did you mean "sensors"?`},
	{"second error", configured("sensors: [{driver: bme999}, {driver: bme280, address: 5}]"), Failed, "sensors[1].address", "0x76"},
	{"warning", configured("streams: [{name: main, interval: 10ms}]\nsensors: [{driver: bme280}]"), Warning, "ticks will be skipped", ""},
	{"none", func(*testing.T) []Finding { return Config("", nil, nil) }, Warning, "only the machine is looked at", "--config FILE"},
	{"not readable", func(*testing.T) []Finding {
		return Config("c", nil, &fs.PathError{Op: "open", Path: "c", Err: fs.ErrPermission})
	}, Failed, "open c: permission denied", "let the user who runs this read it"},
}

// wallClock looks at a clock of which the kernel says that it is set, or not.
func wallClock(trust config.ClockTrust, synced bool) func(*testing.T) []Finding {
	return func(*testing.T) []Finding { return alone(WallClock(trust, synced)) }
}

var clockSightings = []sighting{
	{"set", wallClock(config.ClockAuto, true), OK, "the clock is set", ""},
	{"not set", wallClock(config.ClockAuto, false), Warning, clock.NotSet, "clock: always"},
	{"trusted", wallClock(config.ClockAlways, true), OK, "clock: always", ""},
	{"not trusted", wallClock(config.ClockNever, false), OK, "clock: never", ""},
}

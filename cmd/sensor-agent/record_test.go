package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/internal/chips"
	"sensor-agent/internal/config"
	"sensor-agent/internal/recording"
	"sensor-agent/sensors"
	"sensor-agent/sensors/catalog"
)

// replayedSensors are on the buses of live.rec: a chip on each kind of bus.
const replayedSensors = `
sensors:
  - {name: air, driver: bme280, address: 0x76, bus: "replay:live.rec"}
  - {name: cell, driver: mcp3008, channels: [{channel: 0}], bus: "replay:live.rec"}
`

// recordLive records sessions with simulated chips at their true pace into
// live.rec, and returns what was read, a map for each reading.
func recordLive(t *testing.T, dir string, count int) (readings []map[string]float64) {
	t.Helper()
	air := chips.NewBME280([26]byte{
		0x70, 0x6b, 0x43, 0x67, 0x18, 0xfc, 0x7d, 0x8e, 0x43, 0xd6, 0xd0, 0x0b, 0x27,
		0x0b, 0x8c, 0x00, 0xf9, 0xff, 0x8c, 0x3c, 0xf8, 0xc6, 0x70, 0x17, 0x00, 0x4b,
	}, [7]byte{0x6a, 0x01, 0x00, 0x13, 0x23, 0x03, 0x1e})
	cell := chips.NewMCP3xxx(10, 8)
	var i2cBus chips.Bus
	i2cBus.Plug(0x76, air)
	var port chips.Port
	port.Plug(cell)

	w, err := recording.Create(filepath.Join(dir, "live.rec"), recording.Head{Version: testVersion})
	if err != nil {
		t.Fatal(err)
	}
	tap := recording.NewTap(w.Record)
	wire := sensors.Wire{I2C: tap.I2C("i2c-1", &i2cBus), Address: 0x76, SPI: tap.SPI("spi-0.0", &port), Log: slog.New(slog.DiscardHandler)}
	c, err := config.Parse(filepath.Join(dir, "config.yaml"), []byte(replayedSensors), config.Environment{Hostname: "pi", Drivers: catalog.Drivers()})
	if err != nil {
		t.Fatal(err)
	}
	open := make([]sensors.Sensor, len(c.Sensors))
	for i := range count {
		air.SetRaw(519888+uint32(i)*100, 415148-uint32(i)*50, 30000+uint16(i)*20)
		cell.Set(0, 300+uint16(i))
		values := map[string]float64{}
		for j, s := range c.Sensors {
			if open[j] == nil {
				if open[j], err = s.Plan.Open(t.Context(), wire); err != nil {
					t.Fatal(err)
				}
			}
			r, err := open[j].Read(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for k, m := range r {
				values[s.Fields[k].Key] = m.Value
			}
		}
		readings = append(readings, values)
	}
	if _, _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return readings
}

var times = regexp.MustCompile(`(?m)^\d+\.\d{6} | took=\d+\.\d{6}`)

// chipsOf returns the transactions in a recording by chip, without their times.
func chipsOf(t *testing.T, path string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "sensor-agent") {
			continue
		}
		line = times.ReplaceAllString(line, "")
		bus, _, _ := strings.Cut(line, " ")
		found[bus] = append(found[bus], strings.TrimSpace(line))
	}
	return found
}

// The recording of sensors whose bus is a recording is that recording.
func TestRecordOfAReplay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	recordLive(t, dir, 5)
	path := write(t, dir, "config.yaml", replayedSensors+"streams: [{interval: 500ms}]\n")
	p := command(t, dir, "record", "--config", path, "-o", "again.rec", "--for", "15s").start()
	if code := p.wait(patience); code != 0 {
		t.Fatalf("exit code %d: %s", code, p.stderr.String())
	}
	live, again := chipsOf(t, filepath.Join(dir, "live.rec")), chipsOf(t, filepath.Join(dir, "again.rec"))
	if diff := cmp.Diff(live, again); diff != "" || len(live) != 2 {
		t.Errorf("(-live +recorded again):\n%s", diff)
	}
	count := len(again["i2c-1"]) + len(again["spi-0.0"])
	if want := fmt.Sprintf("%d transactions, 0 of them failed: again.rec\n", count); !strings.HasPrefix(p.stdout.String(), want) {
		t.Errorf("printed %q, want it to begin with %q", p.stdout.String(), want)
	}
	text, err := os.ReadFile(filepath.Join(dir, "again.rec"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# made by sensor-agent " + testVersion + ", 20",
		"\n#   - {name: air, driver: bme280, address: 0x76", "bus: \"replay:again.rec\"}\n", "\n# the end, ",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if !strings.Contains(p.stderr.String(), "the recording live.rec has ended") {
		t.Errorf("standard error does not say that the recording has ended:\n%s", p.stderr.String())
	}
}

// `read` prints what was measured when the recording was made.
func TestReadOfAReplay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := recordLive(t, dir, 1)[0]
	stdout, stderr, code := invoke(t, "read", "--config", write(t, dir, "config.yaml", replayedSensors))
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var message map[string]any
	if err := json.Unmarshal([]byte(stdout), &message); err != nil {
		t.Fatal(err)
	}
	for key, value := range want {
		if got, _ := message[key].(float64); math.Abs(got-value) > 0.005 {
			t.Errorf("%s is %v, was %v", key, message[key], value)
		}
	}
	if len(want) != 4 {
		t.Errorf("recorded %v", want)
	}
}

func TestRecordEndsCleanlyWhenInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	recordLive(t, dir, 5)
	path := write(t, dir, "config.yaml", replayedSensors+"streams: [{interval: 60ms}]\n")
	p := command(t, dir, "record", "--config", path, "--for", "1h").start()
	p.logs("the recording live.rec has ended")
	p.stop(syscall.SIGINT)
	found, err := filepath.Glob(filepath.Join(dir, "sensor-agent-20*.rec"))
	if err != nil || len(found) != 1 {
		t.Fatalf("recordings %q, error %v", found, err)
	}
	if _, err := recording.Open(found[0]); err != nil {
		t.Error(err)
	}
	if !strings.HasSuffix(p.stdout.String(), "see its head.\n") || !strings.Contains(p.stdout.String(), filepath.Base(found[0])) {
		t.Errorf("printed %q", p.stdout.String())
	}
}

func TestRecordRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	replaying := write(t, dir, "replaying.yaml", replayedSensors) // there is no live.rec
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--config", write(t, dir, "weather.yaml", weather)}, 78, "no sensor of the configuration is on an I2C or SPI bus"},
		{[]string{"--config", replaying, "--for", "0s"}, 2, "--for 0s is no time to record for"},
		{[]string{"--config", replaying, "-o", filepath.Join(dir, "none", "a.rec")}, 1, "creating the recording: open "},
		{[]string{"--config", replaying, "--for", "3s"}, 69, "live.rec: no such file or directory"},
	} {
		_, stderr, code := invoke(t, append([]string{"record"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("record %q: exit code %d, want %d with %q:\n%s", c.args, code, c.code, c.says, stderr)
		}
	}
}

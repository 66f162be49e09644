package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/internal/mosquitto"
)

// A sensor begins to fail, here as its recording ends. What went over its bus
// up to then is kept beside the outbox, by itself.
func TestFlightRecording(t *testing.T) {
	t.Parallel()
	m := mosquitto.Start(t)
	for range 4 {
		dir := t.TempDir()
		recordLive(t, dir, 8)
		replayToTheEnd(t, m, dir)
		live := chipsOf(t, filepath.Join(dir, "live.rec"))
		stalled := false
		for sensor, bus := range map[string]string{"air": "i2c-1", "cell": "spi-0.0"} {
			found, err := filepath.Glob(filepath.Join(dir, ".local/state/sensor-agent/recordings", sensor+"-20*.rec"))
			if err != nil || len(found) != 1 {
				t.Fatalf("recordings of %s: %q, error %v", sensor, found, err)
			}
			text, err := os.ReadFile(found[0])
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "no answer from the sensor in time") {
				stalled = true
				continue
			}
			if !strings.Contains(string(text), "\n# "+sensor+": ") || !strings.Contains(string(text), "has ended") {
				t.Errorf("the recording of %s does not tell why it was made:\n%.600s", sensor, text)
			}
			kept := chipsOf(t, found[0])
			if diff := cmp.Diff(map[string][]string{bus: live[bus]}, kept); diff != "" {
				t.Errorf("of %s (-live +kept):\n%s", sensor, diff)
			}
		}
		if !stalled {
			return
		}
		t.Log("the machine stood still, and the sensor failed for that before its recording ended")
	}
	t.Error("each time a sensor was too slow")
}

// replayToTheEnd runs an agent whose sensors read recordings, until they fail.
func replayToTheEnd(t *testing.T, m *mosquitto.Server, dir string) {
	t.Helper()
	c := connect(t, m.URL())
	// A shorter interval leaves less time to a sensor.
	p := startAgent(t, dir, m.URL(), replayedSensors+"streams: [{interval: 1s}]\n")
	c.state("two sensors whose recording has ended", func(s told) bool {
		return strings.Contains(s.Sensors["air"].Health, "has ended") && strings.Contains(s.Sensors["cell"].Health, "has ended")
	})
	p.logs("what went over the bus is kept", "sensor=air", "bus=i2c-1", ".rec")
	p.logs("what went over the bus is kept", "sensor=cell", "bus=spi-0.0")
	p.stop(syscall.SIGTERM)
}

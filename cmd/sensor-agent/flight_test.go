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
	dir := t.TempDir()
	recordLive(t, dir, 8)
	m := mosquitto.Start(t)
	c := connect(t, m.URL())
	// A shorter interval leaves less time to a sensor: one that is late on a busy
	// machine has failed, too.
	p := startAgent(t, dir, m.URL(), replayedSensors+"streams: [{interval: 500ms}]\n")
	c.state("two sensors whose recording has ended", func(s told) bool {
		return strings.Contains(s.Sensors["air"].Health, "has ended") && strings.Contains(s.Sensors["cell"].Health, "has ended")
	})
	p.logs("what went over the bus is kept", "sensor=air", "bus=i2c-1", ".rec")
	p.logs("what went over the bus is kept", "sensor=cell", "bus=spi-0.0")
	p.stop(syscall.SIGTERM)
	live := chipsOf(t, filepath.Join(dir, "live.rec"))
	for sensor, bus := range map[string]string{"air": "i2c-1", "cell": "spi-0.0"} {
		found, err := filepath.Glob(filepath.Join(dir, ".local/state/sensor-agent/recordings", sensor+"-20*.rec"))
		if err != nil || len(found) != 1 {
			t.Fatalf("recordings of %s: %q, error %v", sensor, found, err)
		}
		kept := chipsOf(t, found[0])
		if diff := cmp.Diff(map[string][]string{bus: live[bus]}, kept); diff != "" {
			t.Errorf("of %s (-live +kept):\n%s", sensor, diff)
		}
		text, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "\n# "+sensor+": ") || !strings.Contains(string(text), "has ended") {
			t.Errorf("the recording of %s does not tell why it was made:\n%.600s", sensor, text)
		}
	}
}

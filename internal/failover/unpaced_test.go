package failover

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sensor-agent/internal/mosquitto"
	"sensor-agent/internal/need"
)

// Without a pace a backlog goes out about as fast as mosquitto_pub floods the
// same broker, one that drops nothing. It is not parallel: other tests would
// be measured too.
func TestUnpacedBacklog(t *testing.T) {
	if long == "" {
		t.Skip("a measurement: set SENSOR_AGENT_TEST_LONG")
	}
	const rounds, goal = 5, 0.9
	pub := need.Program(t, "mosquitto_pub", "mosquitto-clients")
	server := mosquitto.Start(t, "allow_anonymous true", "max_queued_messages 0")
	n := backlog()
	payload := strings.Repeat("x", 135) // as long as a reading
	var ratios []float64
	for range rounds {
		dir := t.TempDir()
		fill(t, dir, n)
		var a *agent
		ours := rate(t, server.Port, n, func() {
			a = startAgent(t, time.Hour, fmt.Sprintf("dir: %q, drain: 0", dir), server.URL())
		})
		a.stop()
		theirs := rate(t, server.Port, n, func() {
			out, err := exec.Command(pub, "-p", strconv.Itoa(server.Port), "-q", "1",
				"-t", valueTopic, "-m", payload, "--repeat", strconv.Itoa(n)).CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", pub, err, out)
			}
		})
		t.Logf("%.0f readings/s, mosquitto_pub %.0f/s: %.2f", ours, theirs, ours/theirs)
		ratios = append(ratios, ours/theirs)
	}
	slices.Sort(ratios)
	if median := ratios[rounds/2]; median < goal {
		t.Errorf("a backlog goes out at %.2f of mosquitto_pub's rate, want %v", median, goal)
	}
}

// rate is how many messages a second come to a subscriber at QoS 0.
func rate(t *testing.T, port, n int, start func()) float64 {
	t.Helper()
	times, err := os.Create(filepath.Join(t.TempDir(), "times"))
	if err != nil {
		t.Fatal(err)
	}
	defer times.Close()
	sub := exec.Command(need.Program(t, "mosquitto_sub", "mosquitto-clients"), "-p", strconv.Itoa(port),
		"-t", valueTopic, "-F", "%U", "-C", strconv.Itoa(n), "-W", "60")
	sub.Stdout = times
	if err := sub.Start(); err != nil {
		t.Fatal(err)
	}
	defer sub.Process.Kill()
	time.Sleep(200 * time.Millisecond) // it subscribes
	start()
	if err := sub.Wait(); err != nil {
		t.Fatalf("mosquitto_sub: %v", err)
	}
	text, err := os.ReadFile(times.Name())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(text))
	first, err1 := strconv.ParseFloat(lines[0], 64)
	last, err2 := strconv.ParseFloat(lines[len(lines)-1], 64)
	if err1 != nil || err2 != nil {
		t.Fatalf("mosquitto_sub says %q and %q", lines[0], lines[len(lines)-1])
	}
	return float64(n-1) / (last - first)
}

package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// The buses of whoever runs the tests are left alone: one is asked for that no
// machine has. What a scan finds is tested where it is made.
func TestScan(t *testing.T) {
	t.Parallel()
	const missing = "I2C bus 987654: open /dev/i2c-987654: no such file or directory: see `ls /dev/i2c-*`"
	stdout, stderr, code := invoke(t, "scan", "--bus", "987654")
	if code != 69 || !strings.HasPrefix(stdout, "# "+missing) || !strings.HasPrefix(stderr, "sensor-agent: "+missing) {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}

	stdout, stderr, code = invoke(t, "scan", "--bus", "/dev/i2c-987654", "--json")
	var r struct {
		I2C []struct{ Bus, Error string }
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	if code != 69 || len(r.I2C) != 1 || r.I2C[0].Bus != "987654" || !strings.Contains(r.I2C[0].Error, "no such file") || stderr == "" {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}

	stdout, stderr, code = invoke(t, "scan", "--bus", "header")
	if code != 2 || stdout != "" || !strings.Contains(stderr, `no I2C bus is called "header": write its number`) {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

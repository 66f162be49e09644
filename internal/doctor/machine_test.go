package doctor

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sensor-agent/publisher/outbox"
)

// hwmon looks at a Pi whose kernel has an alarm for its supply.
func hwmon(alarm string) func(t *testing.T) []Finding {
	return func(t *testing.T) []Finding {
		return alone(machine(t, map[string]string{
			"sys/class/hwmon/hwmon0/name":                              "cpu_thermal\n",
			"sys/class/hwmon/hwmon1/name":                              "rpi_volt\n",
			"sys/class/hwmon/hwmon1/in0_lcrit_alarm":                   alarm + "\n",
			"sys/devices/platform/soc/soc:firmware/get_throttled":      "50005\n", // not to be asked
			"sys/devices/platform/soc/soc:firmware/uevent":             "",
			"sys/devices/platform/soc/fe804000.i2c/i2c-1/device/power": "",
		}).Power())
	}
}

// firmware looks at a Pi that tells of its supply by a number alone.
func firmware(path, bits string) func(t *testing.T) []Finding {
	return func(t *testing.T) []Finding {
		return alone(machine(t, map[string]string{"sys/devices/platform/" + path + "/get_throttled": bits + "\n"}).Power())
	}
}

const soc = "soc/soc:firmware"

var powerSightings = []sighting{
	{"alarm off", hwmon("0"), OK, "no under-voltage", ""},
	{"alarm on", hwmon("1"), Failed, "under-voltage: the supply is below 4.63 V", "power supply made for this Pi"},
	{"well", firmware(soc, "0"), OK, "no under-voltage and no throttling, now or since the start", ""},
	{"well, on a Pi 5", firmware("soc@107c000000/soc@107c000000:firmware", "0"), OK, "no under-voltage", ""},
	{"under-voltage now", firmware(soc, "50005"), Failed, "under-voltage (below 4.63 V), processor throttled now; under-voltage (below 4.63 V), processor throttled since the start", "power supply"},
	{"under-voltage before", firmware(soc, "50000"), Warning, "under-voltage (below 4.63 V), processor throttled since the start", "power supply"},
	{"hot now", firmware(soc, "8000e"), Warning, "processor slowed down, processor throttled, processor too hot now; processor too hot since the start", "heat sink"},
	{"not a number", firmware(soc, "throttled=0x0"), Skipped, "does not tell", ""},
	{"not a Pi", func(t *testing.T) []Finding { return alone(machine(t, nil).Power()) }, Skipped, "does not tell of its supply", ""},
}

// processes looks for an agent among processes, by their arguments, beside an
// outbox that nobody has.
func processes(args map[int]string) func(t *testing.T) []Finding {
	return func(t *testing.T) []Finding {
		files := map[string]string{"proc/self/comm": "sensor-agent", "proc/1/comm": "systemd", "proc/1/cmdline": "/sbin/init"}
		for pid, cmdline := range args {
			files["proc/"+strconv.Itoa(pid)+"/comm"] = "sensor-agent\n"
			files["proc/"+strconv.Itoa(pid)+"/cmdline"] = cmdline + "\x00"
		}
		_, f := machine(t, files).FindAgent(t.TempDir())
		return alone(f)
	}
}

var agentSightings = []sighting{
	{"none", processes(nil), OK, "no agent runs here", ""},
	{"tools", processes(map[int]string{7: "sensor-agent\x00doctor", 8: "/usr/bin/sensor-agent\x00sub\x00-v"}), OK, "no agent runs here", ""},
	{"with another outbox", processes(map[int]string{812: "sensor-agent\x00run\x00--config\x00/etc/x"}), Warning, "an agent runs here (process 812), but not with the outbox", "an outbox.dir each"},
	{"without a subcommand", processes(map[int]string{9: "sensor-agent"}), Warning, "(process 9)", "outbox.dir"},
	{"with a flag only", processes(map[int]string{9: "sensor-agent\x00--config=x"}), Warning, "(process 9)", "outbox.dir"},
	{"with this outbox", func(t *testing.T) []Finding {
		dir := t.TempDir()
		q, err := outbox.Open(dir, outbox.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		running, f := machine(t, nil).FindAgent(dir)
		if !running.Yes || !running.Own {
			t.Errorf("%+v", running)
		}
		if !strings.Contains(f.What, "process "+strconv.Itoa(os.Getpid())) {
			t.Errorf("%+v", f)
		}
		return alone(f)
	}, OK, "): its sensors are read beside it", ""},
	{"with an outbox that is not known", func(t *testing.T) []Finding {
		_, f := machine(t, map[string]string{"proc/9/comm": "sensor-agent", "proc/9/cmdline": "sensor-agent\x00run"}).FindAgent("")
		return alone(f)
	}, OK, "an agent runs here (process 9)", ""},
}

// disk looks at an outbox in a folder.
func disk(dir func(t *testing.T) string, maxSize int64) func(t *testing.T) []Finding {
	return func(t *testing.T) []Finding { return alone(Disk(dir(t), maxSize, nil)) }
}

var outboxSightings = []sighting{
	{"there", disk(func(t *testing.T) string { return t.TempDir() }, 1<<20), OK, "can be written and has room", ""},
	{"not there yet", disk(func(t *testing.T) string { return filepath.Join(t.TempDir(), "a", "b") }, 1<<20), OK, "can be written", ""},
	{"in memory", disk(func(*testing.T) string { return "" }, 1<<20), OK, "in memory", ""},
	{"below a file", disk(func(t *testing.T) string {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(path, "outbox")
	}, 1<<20), Failed, "opening outbox: mkdir ", "set another outbox.dir"},
	{"little room", disk(func(t *testing.T) string { return t.TempDir() }, 1<<60), Warning, "MiB free, and the outbox may take", "make room"},
}

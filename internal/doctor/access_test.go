package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sensor-agent/sensors"
)

// buses looks at the header's buses of a machine with files.
func buses(needed bool, files map[string]string) func(t *testing.T) []Finding {
	return func(t *testing.T) []Finding { return machine(t, files).Buses(HeaderLines(), needed) }
}

var busSightings = []sighting{
	{"there", buses(true, map[string]string{"dev/i2c-1": "", "dev/spidev0.0": ""}), OK, "I2C bus 1 is there and may be used", ""},
	{"the other", buses(true, map[string]string{"dev/i2c-1": "", "dev/spidev0.0": ""}), OK, "SPI bus 0.0 is there and may be used", ""},
	{"I2C not enabled", buses(true, map[string]string{"dev/spidev0.0": ""}), Failed, "I2C bus 1: open /dev/i2c-1: no such file or directory", "sudo raspi-config nonint do_i2c 0"},
	{"SPI not enabled", buses(true, map[string]string{"dev/i2c-1": ""}), Failed, "SPI bus 0.0: open /dev/spidev0.0: no such file or directory", "sudo raspi-config nonint do_spi 0"},
	{"a line of config.txt", buses(true, map[string]string{"boot/firmware/config.txt": "#dtparam=i2c_arm=on\n"}), Failed, "/dev/i2c-1", "take the # away from line 1 of /boot/firmware/config.txt"},
	{"module not loaded", buses(true, map[string]string{"sys/bus/i2c/devices/i2c-1/name": ""}), Failed, "/dev/i2c-1", "sudo modprobe i2c-dev"},
	{"not in the group", func(t *testing.T) []Finding {
		m := machine(t, map[string]string{"dev/i2c-1": ""})
		i2cGroup(t, m, 0o060)
		return asNobody(t, m.Root, func() []Finding { return m.Buses(HeaderLines()[:1], true) })
	}, Failed, "I2C bus 1: open /dev/i2c-1: permission denied", "sudo usermod -aG "},
	{"not needed", buses(false, nil), Warning, "/dev/i2c-1", "enable I2C"},
	{"no bus", func(t *testing.T) []Finding { return machine(t, nil).Buses(nil, true) }, Skipped, "no sensor is on a bus", ""},
}

// i2cGroup gives the node of I2C bus 1 to a group and returns its number. Who
// is not root cannot; there the files' own group does.
func i2cGroup(t *testing.T, m Machine, mode os.FileMode) int {
	t.Helper()
	node, group := filepath.Join(m.Root, "dev/i2c-1"), os.Getgid()
	if os.Getuid() == 0 {
		group = 70
		if err := os.Chown(node, 0, group); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(node, mode); err != nil {
		t.Fatal(err)
	}
	return group
}

// unit looks at what the user of a unit may do, on a machine where the node of
// I2C bus 1 has a mode and belongs to the group i2c, which has members.
func unit(text string, mode os.FileMode, members string) func(t *testing.T) []Finding {
	return func(t *testing.T) []Finding {
		m := machine(t, map[string]string{unitPath: text, "dev/i2c-1": ""})
		group := i2cGroup(t, m, mode)
		accounts := machine(t, map[string]string{
			"etc/group":  fmt.Sprintf("root:x:0:\nspi:x:99999:\nbroken\ni2c:x:%d:%s\n", group, members),
			"etc/passwd": fmt.Sprintf("root:x:0:0::/root:/bin/sh\nown:x:1000:%d::/home/own:/bin/sh\n", group),
		})
		if err := os.Rename(accounts.Root+"/etc/group", m.Root+"/etc/group"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(accounts.Root+"/etc/passwd", m.Root+"/etc/passwd"); err != nil {
			t.Fatal(err)
		}
		return m.Access(m.Unit(), []Line{{sensors.I2C, "1"}})
	}
}

// without is our unit with a line less.
func without(line string) string { return strings.Replace(ourUnit, line+"\n", "", 1) }

// as is our unit with a user that exists beforehand.
func as(user string) string {
	return strings.ReplaceAll(strings.Replace(ourUnit, "DynamicUser=yes", "User="+user, 1), "SupplementaryGroups=i2c spi\n", "")
}

var accessSightings = []sighting{
	{"delivered unit", unit(ourUnit, 0o660, ""), OK, "the service's user is in the group i2c and may use I2C bus 1", ""},
	{"group by number", func(t *testing.T) []Finding {
		group := 70
		if os.Getuid() != 0 {
			group = os.Getgid()
		}
		return unit(strings.Replace(ourUnit, "=i2c spi", fmt.Sprintf("=%d", group), 1), 0o660, "")(t)
	}, OK, "in the group i2c", ""},
	{"member", unit(as("pi"), 0o660, "alice,pi"), OK, "in the group i2c", ""},
	{"own group", unit(as("own"), 0o660, ""), OK, "in the group i2c", ""},
	{"root", unit(as("root"), 0o600, ""), OK, "runs as root", ""},
	{"everybody", unit(as("pi"), 0o666, ""), OK, "everybody may use I2C bus 1", ""},
	{"no groups", unit(without("SupplementaryGroups=i2c spi"), 0o660, "pi"), Failed, "the service's user is not in the group i2c and may not use /dev/i2c-1", "SupplementaryGroups=i2c: `sudo systemctl edit sensor-agent`"},
	{"no member", unit(as("pi"), 0o660, "alice"), Failed, "not in the group i2c", "SupplementaryGroups=i2c"},
	{"group missing", unit(strings.Replace(ourUnit, "i2c spi", "i2c gpio", 1), 0o660, ""), Failed, "the group gpio of sensor-agent.service does not exist", "sudo groupadd -r gpio"},
	{"for root alone", unit(ourUnit, 0o600, ""), Failed, "/dev/i2c-1 is for root alone", `a udev rule with GROUP="i2c"`},
	{"device not allowed", unit(without("DeviceAllow=char-i2c rw"), 0o660, ""), Failed, "sensor-agent.service does not let the agent use /dev/i2c-1", "DeviceAllow=/dev/i2c-1 rw"},
	{"devices hidden", unit(ourUnit+"[Service]\nPrivateDevices=yes\n", 0o660, ""), Failed, "PrivateDevices", "PrivateDevices=no"},
	{"not there", func(t *testing.T) []Finding {
		m := machine(t, map[string]string{unitPath: without("SupplementaryGroups=i2c spi")})
		return m.Access(m.Unit(), HeaderLines())
	}, Skipped, "SPI bus 0.0 is not there", ""},
	{"no unit", func(t *testing.T) []Finding { return machine(t, nil).Access(nil, HeaderLines()) }, Skipped, "not the configuration of an installed", ""},
	{"no bus", func(t *testing.T) []Finding {
		m := machine(t, map[string]string{unitPath: ourUnit})
		return m.Access(m.Unit(), nil)
	}, Skipped, "no sensor is on a bus", ""},
}

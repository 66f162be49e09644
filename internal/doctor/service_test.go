package doctor

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ourUnit is a unit as it is delivered, as far as the checks look at it.
const ourUnit = `[Unit]
Description=User=nobody
[Service]
# SupplementaryGroups=dialout
ExecStart=sensor-agent run --config /etc/sensor-agent/config.yaml
LoadCredential=mqtt-password:sensor-agent.mqtt-password
DynamicUser=yes
StateDirectory=sensor-agent
SupplementaryGroups=i2c spi
DevicePolicy=closed
DeviceAllow=char-i2c rw
DeviceAllow=char-spi rw
[Install]
WantedBy=multi-user.target
`

const unitPath = "etc/systemd/system/sensor-agent.service"

// states looks at a unit of which systemd says something.
func states(says string) func(t *testing.T) []Finding {
	return func(t *testing.T) []Finding {
		m := machine(t, map[string]string{unitPath: ourUnit, "run/systemd/system/x": ""})
		m.Run = func(_ context.Context, name string, args ...string) (string, error) {
			if name != "systemctl" || args[0] != "show" || args[1] != "sensor-agent.service" {
				t.Errorf("runs %s %q", name, args)
			}
			if says == "" {
				return "", errors.New("exit status 1")
			}
			return strings.ReplaceAll(says, " ", "\n") + "\n", nil
		}
		return alone(m.Service(t.Context(), m.Unit()))
	}
}

var serviceSightings = []sighting{
	{"active", states("ActiveState=active SubState=running ExecMainStatus=0 UnitFileState=enabled"), OK, "sensor-agent.service is active", ""},
	{"not enabled", states("ActiveState=active SubState=running ExecMainStatus=0 UnitFileState=disabled"), Warning, "will not after the next start", "sudo systemctl enable --now sensor-agent"},
	{"not started", states("ActiveState=inactive SubState=dead ExecMainStatus=0 UnitFileState=disabled"), Warning, "installed and not running", "sudo systemctl enable --now sensor-agent"},
	{"failed", states("ActiveState=failed SubState=failed ExecMainStatus=78 UnitFileState=enabled"), Failed, "has ended with exit code 78", "journalctl -u sensor-agent"},
	{"again and again", states("ActiveState=activating SubState=auto-restart ExecMainStatus=1 UnitFileState=enabled"), Failed, "ends with exit code 1 and is started again and again", "journalctl -u sensor-agent"},
	{"not told", states(""), Skipped, "systemctl does not tell: exit status 1", ""},
	{"systemd does not run", func(t *testing.T) []Finding {
		m := machine(t, map[string]string{unitPath: ourUnit})
		return alone(m.Service(t.Context(), m.Unit()))
	}, Skipped, "systemd does not run here", ""},
	{"no unit", func(t *testing.T) []Finding {
		m := machine(t, nil)
		return alone(m.Service(t.Context(), m.Unit()))
	}, Skipped, "not the configuration of an installed", ""},
}

// What changes a unit is read in systemd's order.
func TestUnit(t *testing.T) {
	m := machine(t, map[string]string{
		"lib/systemd/system/sensor-agent.service": "[Service]\nUser=nobody\n",
		unitPath: ourUnit,
		"lib/systemd/system/sensor-agent.service.d/10-a.conf":       "[Service]\nUser=hidden\n",
		"etc/systemd/system/sensor-agent.service.d/10-a.conf":       "[Service]\nDynamicUser=no\nUser=pi\nSupplementaryGroups=\nSupplementaryGroups=gpio\n",
		"run/systemd/system/sensor-agent.service.d/20-b.conf":       "[Service]\nExecStart=\nExecStart=/opt/sensor-agent run \\\n  --config=/opt/config.yaml\nSupplementaryGroups=spi\n; nothing\n",
		"etc/systemd/system/sensor-agent.service.d/ignored.service": "[Service]\nUser=root\n",
		"etc/credstore/sensor-agent.mqtt-password":                  "secret\n",
	})
	want := &Unit{
		Path: "/" + unitPath, Config: "/opt/config.yaml", User: "pi", Groups: []string{"gpio", "spi"},
		State: "/var/lib/sensor-agent", Credential: "/etc/credstore/sensor-agent.mqtt-password",
		devicesClosed: true, devices: []string{"char-i2c", "char-spi"},
	}
	u := m.Unit()
	if diff := cmp.Diff(want, u, cmp.AllowUnexported(Unit{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	lookup := u.Environment(m, func(name string) (string, bool) {
		value, found := map[string]string{"HOME": "mine"}[name]
		return value, found
	})
	for name, want := range map[string]string{
		"HOME": "mine", "STATE_DIRECTORY": "/var/lib/sensor-agent", "SENSOR_AGENT_MQTT_PASSWORD": "secret", "PATH": "",
	} {
		if got, found := lookup(name); got != want || found != (want != "") {
			t.Errorf("%s is %q, %v", name, got, found)
		}
	}
}

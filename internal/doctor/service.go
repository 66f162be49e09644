package doctor

import (
	"bufio"
	"context"
	"fmt"
	"strings"
)

// byHand is what to say where there is nothing to be said of a unit.
const byHand = "this is not the configuration of an installed " + unitName

// Service says whether the installed unit is doing well.
func (m Machine) Service(ctx context.Context, u *Unit) Finding {
	if u == nil {
		return skip(Service, byHand)
	}
	if !m.has("/run/systemd/system") {
		return skip(Service, "%s is installed, but systemd does not run here", u.Path)
	}
	text, err := m.run(ctx, "systemctl", "show", unitName, "--property=ActiveState,SubState,ExecMainStatus,UnitFileState")
	if err != nil {
		return skip(Service, "systemctl does not tell: %v", err)
	}
	return service(properties(text))
}

const (
	journal = "see its last words, `journalctl -u sensor-agent -n 20`"
	enable  = "`sudo systemctl enable --now sensor-agent`"
)

func service(p map[string]string) Finding {
	code := p["ExecMainStatus"]
	switch {
	case p["SubState"] == "auto-restart":
		return Finding{Service, Failed, fmt.Sprintf("%s ends with exit code %s and is started again and again", unitName, code), journal}
	case p["ActiveState"] == "failed":
		return Finding{
			Service, Failed, fmt.Sprintf("%s has ended with exit code %s", unitName, code),
			journal + ", and when that is mended `sudo systemctl restart sensor-agent`",
		}
	case p["ActiveState"] != "active" && p["ActiveState"] != "activating" && p["ActiveState"] != "reloading":
		return Finding{Service, Warning, unitName + " is installed and not running", "start it, now and with the device: " + enable}
	case p["UnitFileState"] == "disabled":
		return Finding{Service, Warning, unitName + " runs, but will not after the next start of the device", enable}
	}
	return ok(Service, "%s is %s", unitName, p["ActiveState"])
}

// properties reads lines of NAME=VALUE.
func properties(text string) map[string]string {
	p := map[string]string{}
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		name, value, _ := strings.Cut(s.Text(), "=")
		p[name] = value
	}
	return p
}

package bus

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// configFiles are where the firmware of a Raspberry Pi reads what hardware to
// enable: since Raspberry Pi OS 12, and before.
var configFiles = []string{"/boot/firmware/config.txt", "/boot/config.txt"}

// missing says how to make a node appear, by what the machine shows: hardware
// that is not enabled, or a module that is not loaded.
func (n node) missing() string {
	if _, err := os.Stat(n.root + n.device); err == nil {
		if driver, err := os.Readlink(n.root + n.device + "/driver"); err == nil && filepath.Base(driver) != n.module {
			return fmt.Sprintf("the kernel's driver %s has it: take that driver's dtoverlay line out of config.txt, or use another chip select", filepath.Base(driver))
		}
		return fmt.Sprintf("load its driver with `sudo modprobe %s`, and at every start with `echo %[1]s | sudo tee /etc/modules-load.d/%[1]s.conf`", n.module)
	}
	if n.params == nil {
		return n.enable
	}
	for _, path := range configFiles {
		text, err := os.ReadFile(n.root + path)
		if err != nil {
			continue
		}
		if l, ok := lastSetting(string(text), n.params); ok {
			return n.repair(path, l)
		}
		break
	}
	return n.enable
}

// repair says what to do about a line of config.txt, while the hardware it is
// about is not enabled.
func (n node) repair(path string, l setting) string {
	const restart = "and restart: `sudo reboot`"
	where := fmt.Sprintf("line %d of %s", l.line, path)
	switch {
	case l.comment:
		return fmt.Sprintf("take the # away from %s (%s) %s; `sudo raspi-config nonint %s 0` does both", where, l.text, restart, n.command)
	case !l.on:
		return fmt.Sprintf("write on instead of off in %s (%s) %s; `sudo raspi-config nonint %s 0` does both", where, l.text, restart, n.command)
	case l.section != "":
		return fmt.Sprintf("%s enables it, but below [%s]: is this such a device? Write it below [all] %s", where, l.section, restart)
	}
	return where + " enables it: it takes effect at the next start: `sudo reboot`"
}

// A setting is what a line of config.txt says of a parameter.
type setting struct {
	line    int    // from 1
	text    string // the line
	section string // the filter it stands below, such as "pi4"; "" for none or [all]
	on      bool
	comment bool // commented out
}

// lastSetting finds the line of a config.txt that sets one of the parameters:
// the last one, or, if there is none, the last that is commented out.
func lastSetting(text string, params []string) (found setting, ok bool) {
	section := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if name, isSection := strings.CutPrefix(line, "["); isSection {
			section = strings.TrimPrefix(strings.TrimSuffix(name, "]"), "all")
			continue
		}
		bare := strings.TrimLeft(line, "# ")
		list, isParam := strings.CutPrefix(bare, "dtparam=")
		if !isParam {
			continue
		}
		for param := range strings.SplitSeq(list, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
			s := setting{
				line: i + 1, text: line, section: section, comment: bare != line,
				on: !slices.Contains([]string{"off", "no", "false", "0"}, value),
			}
			if slices.Contains(params, name) && (!ok || found.comment || !s.comment) {
				found, ok = s, true
			}
		}
	}
	return found, ok
}

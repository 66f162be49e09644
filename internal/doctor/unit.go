package doctor

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const unitName = "sensor-agent.service"

// unitDirs are where systemd looks for units, the first found being taken
// (systemd.unit(5), "Unit File Load Path").
var unitDirs = []string{
	"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
}

// A Unit is what the installed systemd unit says of how the agent runs. Its
// checks need no systemd that runs.
type Unit struct {
	Path       string // of its file
	Config     string // the configuration it names; "" for the agent's default
	User       string // "" for root, unless Dynamic
	Dynamic    bool   // a user that exists while the agent runs only
	Groups     []string
	State      string // the folder for its state: "/var/lib/sensor-agent"; "" if it has none
	Credential string // the file that holds the password; "" if it has none

	privateDevices bool
	devicesClosed  bool     // but for those in devices
	devices        []string // DeviceAllow=
}

// Unit returns the installed unit, nil if there is none.
func (m Machine) Unit() *Unit {
	var u Unit
	for _, dir := range unitDirs {
		if path := dir + "/" + unitName; m.has(path) {
			u.Path = path
			break
		}
	}
	if u.Path == "" {
		return nil
	}
	for _, path := range append([]string{u.Path}, m.dropIns()...) {
		for _, a := range assignments(m.read(path)) {
			u.assign(a[0], a[1])
		}
	}
	return &u
}

// dropIns returns the files that change the unit, in the order they are read:
// by name, of two with one name the first one's.
func (m Machine) dropIns() []string {
	byName := map[string]string{}
	for _, dir := range slices.Backward(unitDirs) {
		for _, path := range m.glob(dir + "/" + unitName + ".d/*.conf") {
			byName[filepath.Base(path)] = path
		}
	}
	var paths []string
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		paths = append(paths, byName[name])
	}
	return paths
}

// assignments returns the names and values of the section [Service] of a unit.
func assignments(text string) (list [][2]string) {
	section := ""
	for _, line := range strings.Split(strings.ReplaceAll(text, "\\\n", " "), "\n") {
		line = strings.TrimSpace(line)
		switch name, value, found := strings.Cut(line, "="); {
		case strings.HasPrefix(line, "#"), strings.HasPrefix(line, ";"):
		case strings.HasPrefix(line, "["):
			section = line
		case found && section == "[Service]":
			list = append(list, [2]string{strings.TrimSpace(name), strings.TrimSpace(value)})
		}
	}
	return list
}

// assign takes over one assignment. An empty one to a list empties it.
func (u *Unit) assign(name, value string) {
	yes := slices.Contains([]string{"yes", "true", "on", "1"}, strings.ToLower(value))
	switch name {
	case "User":
		u.User = value
	case "DynamicUser":
		u.Dynamic = yes
	case "SupplementaryGroups":
		u.Groups = extend(u.Groups, value)
	case "StateDirectory":
		u.State = ""
		if words := strings.Fields(value); len(words) > 0 {
			first, _, _ := strings.Cut(words[0], ":")
			u.State = "/var/lib/" + first
		}
	case "PrivateDevices":
		u.privateDevices = yes
	case "DevicePolicy":
		u.devicesClosed = value == "closed" || value == "strict"
	case "DeviceAllow":
		device, _, _ := strings.Cut(value, " ")
		u.devices = extend(u.devices, device)
		u.devicesClosed = u.devicesClosed || device != ""
	case "LoadCredential":
		if path, found := strings.CutPrefix(value, "mqtt-password:"); found {
			u.Credential = path
			if !filepath.IsAbs(path) {
				u.Credential = "/etc/credstore/" + path
			}
		}
	case "ExecStart":
		u.Config = configArgument(strings.Fields(value))
	}
}

func extend(list []string, value string) []string {
	if value == "" {
		return nil
	}
	return append(list, strings.Fields(value)...)
}

// configArgument returns what follows --config.
func configArgument(args []string) string {
	for i, arg := range args {
		name, value, found := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case name != "config" || !strings.HasPrefix(arg, "-"):
		case found:
			return value
		case i+1 < len(args):
			return args[i+1]
		}
	}
	return ""
}

// Environment returns lookup with what systemd adds to the agent's environment:
// the folder for its state and, if this process may read it, the password.
func (u *Unit) Environment(m Machine, lookup func(string) (string, bool)) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, found := lookup(name)
		switch {
		case found:
		case name == "STATE_DIRECTORY" && u.State != "":
			return u.State, true
		case name == "SENSOR_AGENT_MQTT_PASSWORD" && u.Credential != "":
			password := m.read(u.Credential)
			return password, password != ""
		}
		return value, found
	}
}

// hidesPassword reports whether only root can tell the agent's password.
func (u *Unit) hidesPassword() bool {
	return u != nil && u.Credential != "" && os.Getuid() != 0
}

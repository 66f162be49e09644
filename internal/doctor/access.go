package doctor

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"sensor-agent/internal/bus"
	"sensor-agent/sensors"
)

// A Line is a bus by its kind and name.
type Line struct {
	Kind sensors.Bus
	Name string
}

// String is how people call it: "I2C bus 1".
func (l Line) String() string {
	if l.Kind == sensors.SPI {
		return "SPI bus " + l.Name
	}
	return "I2C bus " + l.Name
}

// HeaderLines are the buses on the header of a Raspberry Pi.
func HeaderLines() []Line { return []Line{{sensors.I2C, "1"}, {sensors.SPI, "0.0"}} }

// Buses says of each bus whether its device node is there and whether this
// process may use it. needed tells that sensors are configured on them.
func (m Machine) Buses(lines []Line, needed bool) []Finding {
	if len(lines) == 0 {
		return []Finding{skip(Bus, "no sensor is on a bus")}
	}
	var found []Finding
	for _, l := range lines {
		err := bus.Examine(m.Root, l.Kind, l.Name)
		if err == nil {
			found = append(found, ok(Bus, "%v is there and may be used", l))
			continue
		}
		f := failure(Bus, fmt.Errorf("%v: %w", l, err), "")
		if !needed {
			f.Status = Warning
		}
		found = append(found, f)
	}
	return found
}

// Access says of each bus whether the user of the unit may use it.
func (m Machine) Access(u *Unit, lines []Line) []Finding {
	if u == nil {
		return []Finding{skip(Access, byHand)}
	}
	if len(lines) == 0 {
		return []Finding{skip(Access, "no sensor is on a bus")}
	}
	var found []Finding
	groups := m.groups()
	for _, name := range u.Groups {
		if _, numeric := strconv.Atoi(name); groups[name] == nil && numeric != nil {
			found = append(found, Finding{
				Access, Failed, fmt.Sprintf("the group %s of %s does not exist: systemd does not start it (216/GROUP)", name, unitName),
				fmt.Sprintf("`sudo groupadd -r %s`", name),
			})
		}
	}
	for _, l := range lines {
		found = append(found, m.accessTo(u, l, groups))
	}
	return found
}

const edit = "`sudo systemctl edit %s`, below [Service]"

func (m Machine) accessTo(u *Unit, l Line, groups map[string]*group) Finding {
	path, usual, err := bus.Node(l.Kind, l.Name)
	if err != nil {
		return failure(Access, err, "")
	}
	info, err := os.Stat(m.Root + path)
	if err != nil {
		return skip(Access, "%v is not there: whether the service may use it is not known", l)
	}
	if u.privateDevices {
		return Finding{
			Access, Failed, fmt.Sprintf("%s hides %s from the agent by PrivateDevices=", unitName, path),
			fmt.Sprintf("write PrivateDevices=no: "+edit, "sensor-agent"),
		}
	}
	if kind := "char-" + string(l.Kind); u.devicesClosed && !slices.Contains(u.devices, path) && !slices.Contains(u.devices, kind) {
		return Finding{
			Access, Failed, fmt.Sprintf("%s does not let the agent use %s", unitName, path),
			bus.AllowInUnit(path) + fmt.Sprintf(": "+edit, "sensor-agent"),
		}
	}
	if u.User == "" && !u.Dynamic || u.User == "root" {
		return ok(Access, "%s runs as root, who may use %v", unitName, l)
	}
	stat, isUnix := info.Sys().(*syscall.Stat_t)
	if !isUnix {
		return skip(Access, "this system does not tell who may use %v", l)
	}
	owner := usual
	for name, g := range groups {
		if g.id != int(stat.Gid) {
			continue
		}
		owner = name
		if info.Mode()&0o060 == 0o060 && g.has(u) {
			return ok(Access, "the service's user is in the group %s and may use %v", name, l)
		}
	}
	if info.Mode()&0o006 == 0o006 {
		return ok(Access, "everybody may use %v, the service's user too", l)
	}
	if stat.Gid == 0 || info.Mode()&0o060 != 0o060 {
		return Finding{
			Access, Failed, fmt.Sprintf("%s is for root alone, and %s runs as another user", path, unitName), bus.GiveTo(usual),
		}
	}
	return Finding{
		Access, Failed, fmt.Sprintf("the service's user is not in the group %s and may not use %s", owner, path),
		fmt.Sprintf("in the unit with SupplementaryGroups=%s: "+edit, owner, "sensor-agent"),
	}
}

// A group is a line of /etc/group.
type group struct {
	name    string
	id      int
	members []string
	users   []string // whose own group it is (passwd(5))
}

// has reports whether the unit's processes belong to g.
func (g *group) has(u *Unit) bool {
	if slices.Contains(u.Groups, g.name) || slices.Contains(u.Groups, strconv.Itoa(g.id)) {
		return true
	}
	// systemd adds the groups a user has in the user database.
	return !u.Dynamic && (slices.Contains(g.members, u.User) || slices.Contains(g.users, u.User))
}

// groups returns the machine's groups by name.
func (m Machine) groups() map[string]*group {
	groups := map[string]*group{}
	byID := map[string]*group{}
	for s := bufio.NewScanner(strings.NewReader(m.read("/etc/group"))); s.Scan(); {
		fields := strings.Split(s.Text(), ":") // name:password:id:member,member
		if len(fields) < 4 {
			continue
		}
		id, err := strconv.Atoi(fields[2])
		if err != nil {
			continue
		}
		g := &group{name: fields[0], id: id, members: strings.Split(fields[3], ",")}
		groups[g.name], byID[fields[2]] = g, g
	}
	for s := bufio.NewScanner(strings.NewReader(m.read("/etc/passwd"))); s.Scan(); {
		fields := strings.Split(s.Text(), ":") // name:password:id:group:…
		if len(fields) > 3 && byID[fields[3]] != nil {
			byID[fields[3]].users = append(byID[fields[3]].users, fields[0])
		}
	}
	return groups
}

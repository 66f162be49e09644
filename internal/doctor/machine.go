package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sensor-agent/publisher/outbox"
)

// A Machine is where the checks look. The zero value is this one.
type Machine struct {
	// Root is the folder that stands for / in tests.
	Root string
	// Run runs a program and returns what it prints; nil means for real. It is
	// asked for systemctl alone.
	Run func(ctx context.Context, name string, args ...string) (string, error)
}

// read returns the text of a file without the space around it; "" if there is
// none to be had.
func (m Machine) read(path string) string {
	text, err := os.ReadFile(m.Root + path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// glob returns the files that match, as paths on the machine.
func (m Machine) glob(pattern string) []string {
	found, err := filepath.Glob(m.Root + pattern)
	if err != nil {
		return nil
	}
	for i := range found {
		found[i] = strings.TrimPrefix(found[i], m.Root)
	}
	return found
}

func (m Machine) has(path string) bool {
	_, err := os.Stat(m.Root + path)
	return err == nil
}

func (m Machine) run(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if m.Run != nil {
		return m.Run(ctx, name, args...)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second // for what it has started itself
	text, err := cmd.Output()
	return string(text), err
}

// agents returns the processes that are agents. Of those of other users too,
// everybody may read the name and the arguments (proc(5)).
func (m Machine) agents() []int {
	var found []int
	for _, dir := range m.glob("/proc/[0-9]*") {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || m.read(dir+"/comm") != "sensor-agent" {
			continue
		}
		args := strings.Split(m.read(dir+"/cmdline"), "\x00")
		// Without a subcommand it is run.
		if len(args) < 2 || args[1] == "run" || args[1] == "" || strings.HasPrefix(args[1], "-") {
			found = append(found, pid)
		}
	}
	return found
}

// A Running says whether an agent runs on this machine.
type Running struct {
	Yes bool
	Own bool // it is the one that is looked at, as far as can be told
}

// FindAgent looks for an agent that runs on this machine: the one that has the
// outbox in dir, or another. Without a dir any is it.
func (m Machine) FindAgent(dir string) (Running, Finding) {
	const beside = "an agent runs here (process %d): its sensors are read beside it"
	var pid int
	var held bool
	var err error
	if dir != "" {
		pid, held, err = outbox.Owner(dir)
	}
	others := m.agents()
	switch {
	case held:
		return Running{Yes: true, Own: true}, ok(Agent, beside, pid)
	case len(others) == 0:
		return Running{}, ok(Agent, "no agent runs here")
	case err != nil, dir == "": // only its own user may look into its outbox
		return Running{Yes: true, Own: true}, ok(Agent, beside, others[0])
	}
	return Running{Yes: true}, Finding{
		Agent, Warning, fmt.Sprintf("an agent runs here (process %d), but not with the outbox %s", others[0], dir),
		"is it meant to? Two agents on one machine need a device name and an outbox.dir each",
	}
}

//go:build linux

// Guest is the first and only process of the virtual Pi but the agent: it loads
// the kernel's modules, stands simulated chips behind real buses, breaks them,
// and judges what the agent says meanwhile. Each thing that was to be shown is
// one line on the console:
//
//	virtual-pi: ok unplugged chip: back after 412ms
//	virtual-pi: FAIL unplugged chip: …
//	virtual-pi: end
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const prefix = "virtual-pi: "

func main() {
	if err := boot(); err != nil {
		fmt.Printf("%sFAIL boot: %v\n", prefix, err)
	} else {
		show()
	}
	fmt.Println(prefix + "end")
	time.Sleep(100 * time.Millisecond) // for the serial line
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

// boot makes of a bare kernel a machine.
func boot() error {
	for _, m := range []struct{ kind, at string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return fmt.Errorf("mounting %s: %w", m.at, err)
		}
	}
	if err := loopback(); err != nil {
		return fmt.Errorf("the loopback interface: %w", err)
	}
	modules, err := filepath.Glob("/modules/*.ko")
	if err != nil {
		return err
	}
	slices.Sort(modules) // numbered in the order of what they need
	for _, m := range modules {
		if err := load(m); err != nil {
			return fmt.Errorf("loading %s: %w", m, err)
		}
	}
	return nil
}

func load(module string) error {
	f, err := os.Open(module)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.FinitModule(int(f.Fd()), "", 0)
}

func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
}

// show runs every step. What the kernel's command line sets comes as the
// environment: SEED of everything random, SOAK for how long to go on breaking
// things.
func show() {
	seed, _ := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	soak, _ := time.ParseDuration(os.Getenv("SOAK"))
	p, err := newPi(seed)
	if err != nil {
		fmt.Printf("%sFAIL the simulated buses: %v\n", prefix, err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p.showReading()
	p.showKernelAgrees()
	if !p.step("the agent runs", func() (string, error) { return "", p.start(ctx) }) {
		return
	}
	p.showFaults()
	if soak > 0 {
		p.soak(soak)
	}
	p.showEnd()
	p.showTools()
}

// step does one thing that is to be shown and prints how it went.
func (p *pi) step(name string, do func() (seen string, err error)) bool {
	begin := time.Now()
	seen, err := do()
	if err != nil {
		fmt.Printf("%sFAIL %s: %s\n", prefix, name, strings.ReplaceAll(err.Error(), "\n", " | "))
		printLog(begin)
		return false
	}
	fmt.Printf("%sok %s: %s (%.1f s)\n", prefix, name, seen, time.Since(begin).Seconds())
	return true
}

// within waits until done, at most so long.
func within(d time.Duration, what string, done func() bool) error {
	for end := time.Now().Add(d); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("waited %v for %s in vain", d, what)
		}
	}
	return nil
}

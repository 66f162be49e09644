// Package virtualpi runs the agent on a Raspberry Pi that anyone has: QEMU's,
// with Debian's own kernel, whose I2C adapters, SPI port and sensor drivers are
// real, and whose chips are simulated (guest). README.md says what is what.
//
// It needs QEMU, the network once, and more time than a test should take, so it
// runs only when asked to: make virtual-pi.
package virtualpi

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"sensor-agent/internal/need"
)

var (
	boot = flag.Bool("boot", false, "boot the virtual Pi")
	soak = flag.Duration("soak", 0, "how long to go on breaking things")
	seed = flag.Uint64("seed", 1, "of everything random")
)

// Lines of the guest that are meant for the test.
const (
	prefix = "virtual-pi: "
	okay   = prefix + "ok "
	failed = prefix + "FAIL "
	end    = prefix + "end"
)

// usual is far longer than the guest takes for its steps, each of which is
// bounded by the guest's own clock: that one waits for a machine however busy.
const usual = 40 * time.Minute

func TestVirtualPi(t *testing.T) {
	if !*boot {
		t.Skip("runs when asked to: make virtual-pi")
	}
	qemu := need.Program(t, "qemu-system-aarch64", "qemu-system-arm")
	kernel := fetchKernel(t)
	t.Logf("%s, seed %d", kernel.version, *seed)
	initrd := filepath.Join(t.TempDir(), "initrd")
	writeArchive(t, initrd, append(kernel.modules,
		entry{"init", build(t, "./guest")},
		entry{"sensor-agent", build(t, "../../cmd/sensor-agent")}))

	ctx, cancel := context.WithTimeout(t.Context(), usual+3**soak)
	defer cancel()
	cmd := exec.CommandContext(ctx, qemu,
		"-M", "virt", "-cpu", "cortex-a53", "-m", "512", "-icount", "shift=2,sleep=off", "-rtc", "clock=vm",
		"-display", "none", "-monitor", "none", "-nic", "none", "-serial", "stdio", "-no-reboot",
		"-kernel", kernel.image, "-initrd", initrd,
		"-append", fmt.Sprintf("console=ttyAMA0 quiet loglevel=1 panic=-1 SEED=%d SOAK=%v", *seed, *soak))
	runtime.LockOSThread() // Pdeathsig goes by the thread
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	console, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	var failures []string
	for lines := bufio.NewScanner(console); lines.Scan(); {
		line := strings.TrimRight(lines.Text(), "\r")
		switch {
		case line == end:
			ended = true
		case strings.HasPrefix(line, okay):
			report(t, strings.TrimPrefix(line, okay), true)
		case strings.HasPrefix(line, failed):
			failures = append(failures, strings.TrimPrefix(line, failed))
			report(t, strings.TrimPrefix(line, failed), false)
		case line != "":
			t.Log(line)
		}
	}
	if err := cmd.Wait(); err != nil || !ended {
		t.Errorf("the virtual Pi did not come to its end: %v %v\n%s", err, ctx.Err(), &stderr)
	}
	for _, failure := range failures {
		t.Error(failure) // again, where the output ends
	}
}

// report makes a test of its own of each step.
func report(t *testing.T, line string, ok bool) {
	name, seen, _ := strings.Cut(line, ": ")
	t.Run(name, func(t *testing.T) {
		if t.Log(seen); !ok {
			t.Fail()
		}
	})
}

// build compiles a program for the virtual Pi.
func build(t *testing.T, folder string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), filepath.Base(folder))
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, folder)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return path
}

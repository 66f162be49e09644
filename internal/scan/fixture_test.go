package scan

import (
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/spi"

	"sensor-agent/internal/bus"
	"sensor-agent/internal/chips"
	"sensor-agent/sensors/catalog"
)

// A pi is a device in a temporary folder: its /dev and /sys, and what is wired
// to its buses. It is scanned in a synctest bubble only: outside, a bus would
// seem to be slow when the machine is.
type pi struct {
	t     *testing.T
	root  string
	wires map[int]*wire
}

func newPi(t *testing.T) *pi {
	return &pi{t: t, root: t.TempDir(), wires: map[int]*wire{}}
}

// bus adds an I2C bus with a device node.
func (p *pi) bus(number int, adapter string) *wire {
	name := "i2c-" + strconv.Itoa(number)
	p.file("dev/"+name, "")
	if adapter != "" {
		p.file("sys/class/i2c-dev/"+name+"/name", adapter)
	}
	w := &wire{}
	p.wires[number] = w
	return w
}

// kernel has a driver of the kernel own a chip.
func (p *pi) kernel(device, chip, driver string) {
	p.file("sys/devices/i2c/"+device+"/name", chip)
	p.link("sys/bus/i2c/devices/"+device, "../../../devices/i2c/"+device)
	if driver != "" {
		p.link("sys/devices/i2c/"+device+"/driver", "../../../bus/i2c/drivers/"+driver)
	}
}

func (p *pi) file(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pi) link(name, target string) {
	p.t.Helper()
	path := filepath.Join(p.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		p.t.Fatal(err)
	}
}

// buses are those of the device. They are closed after the test.
func (p *pi) buses() *bus.Buses {
	b := bus.Simulated(slog.New(slog.DiscardHandler), func(number int) (i2c.Bus, error) {
		w := p.wires[number]
		switch {
		case w == nil:
			return nil, syscall.ENOENT
		case w.denied:
			return nil, syscall.EACCES
		}
		return w, nil
	}, func(int, int) (spi.Port, error) { return nil, syscall.ENOENT })
	p.t.Cleanup(func() { b.Close() })
	return b
}

func (p *pi) scan(only string) Report {
	d := Device{Root: p.root, Buses: p.buses(), Drivers: catalog.Drivers()}
	return d.Scan(p.t.Context(), only)
}

// A wire is a bus that keeps account of what went over it.
type wire struct {
	chips.Bus
	denied  bool
	instead func(addr uint16, w, r []byte) error // of the chips

	mu   sync.Mutex
	sent []transaction
}

// A transaction is one as the master made it.
type transaction struct {
	addr   uint16
	wrote  []byte
	toRead int
}

func (w *wire) Tx(addr uint16, out, in []byte) error {
	w.mu.Lock()
	w.sent = append(w.sent, transaction{addr, append([]byte(nil), out...), len(in)})
	w.mu.Unlock()
	if w.instead != nil {
		return w.instead(addr, out, in)
	}
	return w.Bus.Tx(addr, out, in)
}

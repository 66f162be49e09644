package recording

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"sensor-agent/internal/advice"
)

// A Replay stands for the buses of a recording: it answers what a driver asks
// with what the chip answered then, each chip's transactions in their order.
// Each takes as long as it took; what a driver waits in between is its own
// affair. Its methods, and those of what they return, may be used by several
// goroutines.
type Replay struct {
	path   string
	tracks map[place]*track
}

// Open reads the recording at path. It is read whole, once.
func Open(path string) (*Replay, error) {
	info, err := os.Stat(path) // before it is opened, as a pipe would wait for who writes to it
	if err != nil {
		return nil, advice.To(fmt.Errorf("opening the recording: %w", err), "name one that is there; docs/recordings.md says where a name begins")
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is no recording: that is a file of up to %d MiB", path, maxFile>>20)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the recording: %w", err)
	}
	defer file.Close()
	p, err := newReplay(path, io.LimitReader(file, maxFile))
	if err != nil {
		return nil, fmt.Errorf("recording %s: %w", path, err)
	}
	return p, nil
}

func newReplay(path string, r io.Reader) (*Replay, error) {
	p := &Replay{path: path, tracks: make(map[place]*track)}
	err := parse(r, func(line int, t Transaction) {
		k := p.tracks[t.place()]
		if k == nil {
			k = &track{file: filepath.Base(path)}
			p.tracks[t.place()] = k
		} else {
			t.Bus = k.steps[0].Bus // which it has, too, lest each step hold on to the text of its line
		}
		k.steps = append(k.steps, step{line, t})
	})
	if err == nil && len(p.tracks) == 0 {
		err = errors.New("there is no transaction in it")
	}
	return p, err
}

// I2C returns an I2C bus of the recording: "i2c-1", or "" if there is one
// only. The same one may be had several times; it goes on where it was.
func (p *Replay) I2C(bus string) (i2c.Bus, error) {
	bus, err := p.choose(bus, i2cPrefix, "I2C bus")
	return i2cReplay{p, bus}, err
}

// SPI returns an SPI port likewise: "spi-0.0".
func (p *Replay) SPI(bus string) (spi.Port, error) {
	bus, err := p.choose(bus, spiPrefix, "SPI port")
	return spiReplay{p, bus}, err
}

// choose returns the bus of a kind that is meant.
func (p *Replay) choose(bus, prefix, what string) (string, error) {
	var names []string
	for at := range p.tracks {
		if strings.HasPrefix(at.bus, prefix) {
			names = append(names, at.bus)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	switch {
	case len(names) == 0:
		return "", fmt.Errorf("recording %s: there is no %s in it", p.path, what)
	case bus == "" && len(names) > 1:
		return "", fmt.Errorf("recording %s: it has %s: say which by adding #%s", p.path, strings.Join(names, ", "), names[0])
	case bus == "":
		return names[0], nil
	case !slices.Contains(names, bus):
		return "", fmt.Errorf("recording %s: there is no %s in it, but %s", p.path, bus, strings.Join(names, ", "))
	}
	return bus, nil
}

// tx plays the next transaction with a chip.
func (p *Replay) tx(at place, w, r []byte) error {
	if t := p.tracks[at]; t != nil {
		return t.tx(w, r)
	}
	return &offError{fmt.Errorf("the recording %s has nothing with a chip at %#02x on %s", filepath.Base(p.path), at.address, at.bus)}
}

type i2cReplay struct {
	replay *Replay
	bus    string
}

// String returns the name of the bus in the recording.
func (b i2cReplay) String() string { return b.bus }

func (b i2cReplay) Tx(addr uint16, w, r []byte) error {
	return b.replay.tx(place{b.bus, addr}, w, r)
}

func (b i2cReplay) SetSpeed(physic.Frequency) error {
	return errors.New("a recorded bus has the speed it had")
}

type spiReplay struct {
	replay *Replay
	bus    string
}

// String returns the name of the port in the recording.
func (p spiReplay) String() string { return p.bus }

// Connect implements spi.Port. Speed and mode are of no consequence.
func (p spiReplay) Connect(_ physic.Frequency, mode spi.Mode, _ int) (spi.Conn, error) {
	return spiReplayConn{p, mode}, nil
}

type spiReplayConn struct {
	spiReplay
	mode spi.Mode
}

func (c spiReplayConn) Duplex() conn.Duplex {
	if c.mode&spi.HalfDuplex != 0 {
		return conn.Half
	}
	return conn.Full
}

func (c spiReplayConn) Tx(w, r []byte) error {
	return c.replay.tx(place{bus: c.bus}, w, r)
}

func (c spiReplayConn) TxPackets([]spi.Packet) error {
	return errors.New("transactions of several packets are not carried: use Tx")
}

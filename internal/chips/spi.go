package chips

import (
	"errors"
	"fmt"
	"sync"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// An SPIChip answers SPI transfers: chip select falls, w is shifted in while r,
// of the same length, is shifted out, chip select rises.
type SPIChip interface {
	Transfer(w, r []byte) error
}

// Port is a simulated SPI port, one chip select of one bus. Its methods may be
// used by several goroutines. The zero value has no chip, and a data line that
// a resistor pulls up.
type Port struct {
	mu    sync.Mutex
	chip  SPIChip
	fault func(w, r []byte) error
	count int
	clock physic.Frequency
	mode  spi.Mode
	bits  int
}

var _ spi.PortCloser = (*Port)(nil)

// Plug connects a chip; nil unplugs the one there.
func (p *Port) Plug(c SPIChip) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.chip = c
}

// Fault installs a function called after each transfer with what was sent and
// what was received, as [Bus.Fault] does. nil removes it.
func (p *Port) Fault(f func(w, r []byte) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// Transfers returns how many transfers the port has carried.
func (p *Port) Transfers() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// Settings returns what the last Connect asked for.
func (p *Port) Settings() (clock physic.Frequency, mode spi.Mode, bits int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clock, p.mode, p.bits
}

// Connect implements [spi.Port]. Unlike a real port it can be connected again.
func (p *Port) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock, p.mode, p.bits = f, mode, bits
	return portConn{p}, nil
}

// LimitSpeed implements [spi.PortCloser]; a simulated port has no speed.
func (p *Port) LimitSpeed(physic.Frequency) error { return nil }

// Close implements [spi.PortCloser].
func (p *Port) Close() error { return nil }

// String implements [spi.Port].
func (p *Port) String() string { return "simulated SPI port" }

func (p *Port) transfer(w, r []byte) error {
	if len(w) != len(r) {
		return fmt.Errorf("sending %d bytes and receiving %d in one transfer", len(w), len(r))
	}
	p.mu.Lock()
	c, fault := p.chip, p.fault
	p.count++
	p.mu.Unlock()
	if c == nil {
		for i := range r {
			r[i] = 0xFF
		}
	} else if err := c.Transfer(w, r); err != nil {
		return err
	}
	if fault != nil {
		return fault(w, r)
	}
	return nil
}

// A portConn is a connected Port.
type portConn struct{ port *Port }

func (c portConn) Tx(w, r []byte) error { return c.port.transfer(w, r) }

func (c portConn) TxPackets(packets []spi.Packet) error {
	for _, p := range packets {
		if p.KeepCS {
			return errors.New("the simulated port does not keep chip select between packets")
		}
		if err := c.port.transfer(p.W, p.R); err != nil {
			return err
		}
	}
	return nil
}

func (c portConn) Duplex() conn.Duplex { return conn.Full }

func (c portConn) String() string { return c.port.String() }

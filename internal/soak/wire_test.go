package soak

import (
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"sensor-agent/internal/chips"
)

// trouble is what can be wrong with a wire.
type trouble struct {
	mu    sync.Mutex
	rng   *rand.Rand
	gone  bool           // its adapter
	stuck chan struct{}  // transactions hang until it is closed; nil for none
	nak   float64        // share of transactions that nobody answers
	flip  float64        // share of transactions with one bit flipped, on the way out or back
	slow  time.Duration  // more, for each transaction
	bits  map[string]int // flipped last of what was written so, and of the answer
}

func (t *trouble) set(change func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change()
}

// carry passes a transaction on to chip, as far as the trouble lets it.
func (t *trouble) carry(w, r []byte, chip func(w, r []byte) error) error {
	t.mu.Lock()
	gone, stuck, slow := t.gone, t.stuck, t.slow
	nak, flip := t.rng.Float64() < t.nak, t.rng.Float64() < t.flip
	bit := t.rng.IntN(8 * (len(w) + len(r)))
	if flip {
		// The same bit twice is not to be told from the truth.
		last, again := t.bits[string(w)]
		flip, t.bits[string(w)] = !again || bit != last, bit
	}
	t.mu.Unlock()
	// Nine clocks for each byte at 100 kHz.
	time.Sleep(slow + time.Duration(len(w)+len(r)+2)*90*time.Microsecond)
	switch {
	case gone:
		return syscall.ENODEV
	case stuck != nil:
		<-stuck
		return syscall.ETIMEDOUT
	case nak:
		return syscall.ENXIO
	}
	if flip && bit < 8*len(w) {
		w = append([]byte(nil), w...)
		w[bit/8] ^= 1 << (bit % 8)
	}
	if err := chip(w, r); err != nil {
		return err
	}
	if bit -= 8 * len(w); flip && bit >= 0 {
		r[bit/8] ^= 1 << (bit % 8)
	}
	return nil
}

// opened is what opening the device node says.
func (t *trouble) opened() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone {
		return syscall.ENOENT
	}
	return nil
}

// wire is an I2C bus in trouble.
type wire struct {
	chips.Bus
	trouble
}

func (w *wire) Tx(addr uint16, out, in []byte) error {
	return w.carry(out, in, func(out, in []byte) error { return w.Bus.Tx(addr, out, in) })
}

// port is an SPI port in trouble.
type port struct {
	chips.Port
	trouble
}

func (p *port) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	c, err := p.Port.Connect(f, mode, bits)
	return portConn{c, p}, err
}

type portConn struct {
	spi.Conn
	port *port
}

func (c portConn) Tx(w, r []byte) error { return c.port.carry(w, r, c.Conn.Tx) }

package recording

import (
	"errors"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// A Tap tells of every transaction on the buses that pass through it, after it
// has ended. A nil Tap tells of none.
type Tap struct {
	origin time.Time
	to     func(Transaction)
}

// NewTap makes a tap. to is called by whoever carries a transaction, for
// several buses at once; it must not block, and the bytes are its own only
// until it returns.
func NewTap(to func(Transaction)) *Tap { return &Tap{time.Now(), to} }

// I2C returns b with its transactions tapped. name is what they call the bus:
// "i2c-1".
func (t *Tap) I2C(name string, b i2c.Bus) i2c.Bus {
	if t == nil {
		return b
	}
	return tappedI2C{b, t, name}
}

// SPI returns p likewise; it is called "spi-0.0".
func (t *Tap) SPI(name string, p spi.Port) spi.Port {
	if t == nil {
		return p
	}
	return tappedSPI{p, t, name}
}

// tell tells of a transaction that began at start and has just ended. What a
// Replay refuses was never one.
func (t *Tap) tell(start time.Time, x Transaction) {
	x.At, x.Took = start.Sub(t.origin), time.Since(start)
	if x.Err != nil {
		x.Read = nil
		if _, ok := errors.AsType[*offError](x.Err); ok {
			return
		}
	}
	t.to(x)
}

type tappedI2C struct {
	i2c.Bus
	tap  *Tap
	name string
}

func (b tappedI2C) Tx(addr uint16, w, r []byte) error {
	start := time.Now()
	err := b.Bus.Tx(addr, w, r)
	b.tap.tell(start, Transaction{Bus: b.name, Address: addr, Written: w, Asked: len(r), Read: r, Err: err})
	return err
}

type tappedSPI struct {
	spi.Port
	tap  *Tap
	name string
}

func (p tappedSPI) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	c, err := p.Port.Connect(f, mode, bits)
	if err != nil {
		return nil, err
	}
	return tappedConn{c, p.tap, p.name}, nil
}

// A tappedConn leaves TxPackets alone, which no bus of the agent carries.
type tappedConn struct {
	spi.Conn
	tap  *Tap
	name string
}

func (c tappedConn) Tx(w, r []byte) error {
	start := time.Now()
	err := c.Conn.Tx(w, r)
	c.tap.tell(start, Transaction{Bus: c.name, Written: w, Asked: len(r), Read: r, Err: err})
	return err
}

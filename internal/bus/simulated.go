package bus

import (
	"log/slog"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/spi"
)

// Simulated returns buses that are not the kernel's, for tests of all that
// stands on them. i2c and spi are asked for a bus where its device node would
// be opened, and fail with the errno of that; their transactions fail with
// those of an adapter.
func Simulated(log *slog.Logger, i2c func(number int) (i2c.Bus, error), spi func(number, chip int) (spi.Port, error)) *Buses {
	b := New(log)
	b.access = func(string) error { return nil }
	b.openI2C = func(number int) (device, error) {
		wire, err := i2c(number)
		if err != nil {
			return nil, i2cNode(number).openError(err)
		}
		return simulatedI2C{wire}, nil
	}
	b.openSPI = func(number, chip int, s setup) (device, error) {
		port, err := spi(number, chip)
		if err != nil {
			return nil, spiNode(number, chip).openError(err)
		}
		c, err := port.Connect(s.limit, s.mode, s.bits)
		if err != nil {
			return nil, err
		}
		return simulatedSPI{c}, nil
	}
	return b
}

type simulatedI2C struct{ i2c.Bus }

func (d simulatedI2C) Tx(addr uint16, w, r []byte) error {
	if err := d.Bus.Tx(addr, w, r); err != nil {
		return i2cError(addr, err)
	}
	return nil
}

func (simulatedI2C) Close() error { return nil }

type simulatedSPI struct{ spi.Conn }

func (d simulatedSPI) Tx(_ uint16, w, r []byte) error { return d.Conn.Tx(w, r) }

func (simulatedSPI) Close() error { return nil }

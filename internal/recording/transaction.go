// Package recording writes down what goes over the buses, and plays it back.
//
//	driver ── Tap ── bus            what a driver writes and reads passes the tap
//	           ├──── Writer         to a file, all of it: `sensor-agent record`
//	           └──── Recorder       in memory, the latest: kept when a sensor fails
//	driver ── Replay                a file stands for the bus
//
// A recording is text, a transaction to a line, so that it can be read in a bug
// report and cut by hand; docs/recordings.md tells its format. What it holds is
// what a driver sees: bytes, errors and how long each took. It knows nothing of
// what the bytes mean, and holds nothing of the configuration but the sensors
// that its head lists.
package recording

import "time"

// A Transaction is one exchange with a chip as its driver saw it.
type Transaction struct {
	At      time.Duration // when it began, since a time that all of a recording share
	Bus     string        // "i2c-1", or "spi-0.0" for a chip select
	Address uint16        // 7-bit, on I2C; 0 on SPI
	Written []byte
	Asked   int           // bytes to be read
	Read    []byte        // Asked bytes, or nil when the transaction failed
	Took    time.Duration // until its end, with the wait for others on the bus
	Err     error         // nil when it succeeded

	// Missing counts the transactions with this chip between the one before
	// and this one that were not kept.
	Missing uint64
}

// maxLength is the most bytes that a transaction writes or reads: the longest
// message of i2c-dev, and twice spidev's default.
const maxLength = 8192

// A place is where a chip is.
type place struct {
	bus     string
	address uint16
}

func (t Transaction) place() place { return place{t.Bus, t.Address} }

package bus

import (
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/spi"

	"sensor-agent/internal/recording"
)

// recordedI2C returns a bus of the recording in a file. The recorder hears of
// it by the name it had when it was recorded.
func (b *Buses) recordedI2C(file, bus string) (i2c.Bus, error) {
	p, err := b.replay(file)
	if err != nil {
		return nil, err
	}
	played, err := p.I2C(bus)
	if err != nil {
		return nil, err
	}
	return b.tap.I2C(played.String(), played), nil
}

// recordedSPI returns a port of the recording in a file likewise.
func (b *Buses) recordedSPI(file, bus string) (spi.Port, error) {
	p, err := b.replay(file)
	if err != nil {
		return nil, err
	}
	played, err := p.SPI(bus)
	if err != nil {
		return nil, err
	}
	return b.tap.SPI(played.String(), played), nil
}

// replay returns the recording in a file, the same one each time, so that a
// sensor which is opened anew does not begin anew. A file that cannot be used
// is looked at again by the next call.
func (b *Buses) replay(file string) (*recording.Replay, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errClosed
	}
	if p := b.recordings[file]; p != nil {
		return p, nil
	}
	p, err := recording.Open(file)
	if err != nil {
		return nil, err
	}
	b.recordings[file] = p
	return p, nil
}

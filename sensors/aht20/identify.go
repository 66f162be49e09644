package aht20

import (
	"context"
	"fmt"

	"sensor-agent/sensors"
	"sensor-agent/sensors/crc8"
)

// recognise reads what the chip gives without a command: its status and its
// last measurement, with a checksum. Nothing is written, since to a PCF8574A,
// which can be at the same address, a byte is the state of eight outputs.
func recognise(_ context.Context, wire sensors.Wire) (sensors.Identity, error) {
	const calibrated = 0x18 // bits of the status that are set once the chip is
	var frame [7]byte
	if err := wire.I2C.Tx(wire.Address, nil, frame[:]); err != nil {
		return sensors.Identity{}, fmt.Errorf("%w: reading the status of an AHT20: %w", sensors.ErrNotFound, err)
	}
	switch {
	case same(frame[:]):
		return sensors.Identity{}, fmt.Errorf("%w: expected an AHT20; what answers reads %#02x throughout, as a PCF8574A or another chip without registers does", sensors.ErrNotFound, frame[0])
	case crc8.Sum(frame[:6]) == frame[6]:
		return sensors.Identity{Chip: "AHT20", Certainty: sensors.Probably}, nil
	case frame[0]&calibrated == calibrated: // nothing measured yet; or an AHT10, which has no checksum
		return sensors.Identity{Chip: "AHT20", Certainty: sensors.Perhaps}, nil
	}
	return sensors.Identity{}, fmt.Errorf("%w: expected an AHT20; what answers has status %#02x and a wrong checksum", sensors.ErrNotFound, frame[0])
}

// same reports whether all bytes of b are alike.
func same(b []byte) bool {
	for _, v := range b {
		if v != b[0] {
			return false
		}
	}
	return true
}

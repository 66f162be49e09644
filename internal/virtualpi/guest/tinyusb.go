//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
)

// Requests of the i2c-tiny-usb, as the kernel's driver makes them
// (drivers/i2c/busses/i2c-tiny-usb.c).
const (
	tinyFunctions = 1
	tinyDelay     = 2 // sets the speed
	tinyStatus    = 3
	tinyTransfer  = 4 // to 7, with the two bits that follow
	tinyBegin     = 1
	tinyEnd       = 2

	tinyAcknowledged = 1
	tinyRefused      = 2
)

var (
	tinyDevice = []byte{
		18, 1, 0x10, 0x01, 0xFF, 0, 0, 8, // USB 1.1, class of its own, 8 bytes at a time
		0x03, 0x04, 0x31, 0xC6, 0x00, 0x01, 0, 0, 0, 1, // 0403:c631, no strings, 1 configuration
	}
	tinyConfiguration = []byte{
		9, 2, 18, 0, 1, 1, 0, 0x80, 50, // 1 interface, powered by the bus
		9, 4, 0, 0, 0, 0xFF, 0, 0, 0, // without endpoints
	}
)

var errUnknownRequest = errors.New("unknown request")

// tinyUSB is an i2c-tiny-usb with a wire. Requests come one at a time: the
// kernel holds the lock of the bus meanwhile.
type tinyUSB struct {
	wire    *wire
	written []byte // of a transaction that goes on
	refused bool
}

// control carries out one control transfer.
func (t *tinyUSB) control(ctx context.Context, setup [8]byte, out []byte) (in []byte, err error) {
	kind, request := setup[0], setup[1]
	value, index, length := binary.LittleEndian.Uint16(setup[2:]), binary.LittleEndian.Uint16(setup[4:]), binary.LittleEndian.Uint16(setup[6:])
	if kind&0x60 == 0 { // of USB itself
		switch {
		case request == 6 && value>>8 == 1:
			return tinyDevice, nil
		case request == 6 && value>>8 == 2:
			return tinyConfiguration, nil
		case request == 0: // status
			return []byte{0, 0}, nil
		case request == 9 || request == 11: // the configuration, the interface
			return nil, nil
		}
		return nil, errUnknownRequest
	}
	switch {
	case request == tinyFunctions:
		return []byte{0x01, 0x00, 0xFF, 0x8E}, nil // plain I2C, and SMBus by way of it
	case request == tinyDelay:
		return nil, nil
	case request == tinyStatus:
		if t.refused {
			return []byte{tinyRefused}, nil
		}
		return []byte{tinyAcknowledged}, nil
	case request&^(tinyBegin|tinyEnd) == tinyTransfer:
		if request&tinyBegin != 0 {
			t.written, t.refused = nil, false
		}
		in = make([]byte, length)
		if kind&0x80 == 0 {
			t.written, in = out, nil
			if request&tinyEnd == 0 {
				return nil, nil // what is read after it is of the same transaction
			}
		}
		t.refused = t.wire.tx(ctx, index, t.written, in) != nil
		return in, nil
	}
	return nil, errUnknownRequest
}

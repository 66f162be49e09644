// Package crc8 is the checksum of the 16-bit words that Sensirion's and Texas
// Instruments' humidity chips send: polynomial x^8+x^5+x^4+1 (0x31), initial
// value 0xFF, nothing reflected, no final XOR. It is not the CRC-8 of 1-Wire
// or SMBus.
//
// Sensirion SHT4x data sheet, "Checksum Calculation"; Texas Instruments
// HDC302x data sheet (SNAS778), "Checksum Calculation".
package crc8

import (
	"encoding/binary"
	"errors"
)

// WordSize is the bytes a word takes on the wire: two of data, most
// significant first, and their checksum.
const WordSize = 3

// ErrChecksum is what a disturbed bus causes, and a chip that sends none.
var ErrChecksum = errors.New("wrong checksum: check the wiring, the pull-ups and the length of the bus")

// Sum returns the checksum of data.
func Sum(data []byte) byte {
	sum := byte(0xFF)
	for _, b := range data {
		sum ^= b
		for range 8 {
			carry := sum >> 7
			sum = sum<<1 ^ carry*0x31
		}
	}
	return sum
}

// Words decodes frame, len(words)*[WordSize] bytes, into words. It fails when a
// checksum is wrong; words is then not to be used.
func Words(words []uint16, frame []byte) error {
	for i := range words {
		w := frame[i*WordSize:][:WordSize]
		if Sum(w[:2]) != w[2] {
			return ErrChecksum
		}
		words[i] = binary.BigEndian.Uint16(w)
	}
	return nil
}

// AppendWord appends a word and its checksum to frame.
func AppendWord(frame []byte, word uint16) []byte {
	frame = binary.BigEndian.AppendUint16(frame, word)
	return append(frame, Sum(frame[len(frame)-2:]))
}

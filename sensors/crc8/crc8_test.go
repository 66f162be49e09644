package crc8

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The words and checksums are the examples of the data sheets.
func TestWords(t *testing.T) {
	frame := []byte{
		0xBE, 0xEF, 0x92, // SHT4x, "Checksum Calculation"
		0x01, 0xF4, 0x33, // SCD4x, read_measurement: 500 ppm
		0x66, 0x67, 0xA2, // 25 °C
		0x5E, 0xB9, 0x3C, // 37 %RH
	}
	want := []uint16{0xBEEF, 0x01F4, 0x6667, 0x5EB9}

	got := make([]uint16, len(want))
	if err := Words(got, frame); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	var back []byte
	for _, w := range want {
		back = AppendWord(back, w)
	}
	if diff := cmp.Diff(frame, back); diff != "" {
		t.Errorf("encoded again (-want +got)\n%s", diff)
	}
}

// Any single wrong bit is seen, in the data and in the checksum.
func TestWordsSeeWrongBit(t *testing.T) {
	for bit := range 8 * WordSize {
		frame := []byte{0xBE, 0xEF, 0x92}
		frame[bit/8] ^= 1 << (bit % 8)
		if err := Words(make([]uint16, 1), frame); err == nil {
			t.Errorf("bit %d flipped, taken as % x", bit, frame)
		}
	}
}

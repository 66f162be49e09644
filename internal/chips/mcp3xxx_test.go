package chips_test

import (
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/internal/chips"
	"sensor-agent/internal/chips/vectors"
)

type frame struct {
	ID          string
	Channel     int
	SingleEnded bool `json:"single_ended"`
	Tx, Rx      string
	Value       uint16
}

// The simulated chip answers the reference's frames: the bits that the data
// sheets define are compared, from the null bit on.
func TestMCP3xxxVectors(t *testing.T) {
	for kind, bits := range map[string]int{"mcp3008_frame": 10, "mcp3208_frame": 12} {
		for _, f := range vectors.Rows[frame](t, kind) {
			if !f.SingleEnded {
				continue
			}
			chip := chips.NewMCP3xxx(bits, 8)
			chip.Set(f.Channel, f.Value)
			r := make([]byte, 3)
			if err := chip.Transfer(decoded(t, f.Tx), r); err != nil {
				t.Fatalf("%s: %v", f.ID, err)
			}
			want := decoded(t, f.Rx)
			defined := uint32(1)<<(bits+1) - 1
			if got := number(r) & defined; got != number(want)&defined {
				t.Errorf("%s: received % x, want % x from the null bit on", f.ID, r, want)
			}
		}
	}
}

func decoded(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func number(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

// A transfer may begin with any number of zeros, and what follows the value is
// the value upwards and then zeros.
func TestMCP3xxxShiftsBits(t *testing.T) {
	chip := chips.NewMCP3xxx(10, 8)
	chip.Set(5, 0b10_0000_0110)
	for _, test := range []struct {
		name    string
		w, want []byte
	}{
		// start, single, 101, a clock to sample, null, the value
		{"at once", []byte{0b1110_1000, 0, 0, 0}, []byte{0b1111_1101, 0b0000_0011, 0b0110_0000, 0b0100_0000}},
		{"after 7 zeros", []byte{1, 0b1101_0000, 0, 0}, []byte{0xFF, 0b1111_1010, 0b0000_0110, 0b1100_0000}},
		{"never started", []byte{0, 0, 0, 0}, []byte{0xFF, 0xFF, 0xFF, 0xFF}},
	} {
		r := make([]byte, len(test.w))
		if err := chip.Transfer(test.w, r); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, r); diff != "" {
			t.Errorf("%s: received (-want +got)\n%s", test.name, diff)
		}
	}
}

func TestMCP3004HasFourChannels(t *testing.T) {
	chip := chips.NewMCP3xxx(10, 4)
	chip.Set(3, 777)
	r := make([]byte, 3)
	if err := chip.Transfer([]byte{1, 0xF0, 0}, r); err != nil { // channel 7
		t.Fatal(err)
	}
	if got := number(r) & 0x3FF; got != 777 {
		t.Errorf("channel 7 gives %d, want that of channel 3", got)
	}
}

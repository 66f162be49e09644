package registers

import (
	"errors"
	"testing"

	"periph.io/x/conn/v3/physic"
)

// A wire answers each read with the next of its words, or fails with none left.
type wire struct {
	words   []uint16
	written []byte
}

var errGone = errors.New("gone")

func (b *wire) Tx(_ uint16, w, r []byte) error {
	if len(r) == 0 {
		b.written = append(b.written, w...)
		return nil
	}
	if len(b.words) == 0 {
		return errGone
	}
	r[0], r[1] = byte(b.words[0]>>8), byte(b.words[0])
	b.words = b.words[1:]
	return nil
}

func (b *wire) SetSpeed(physic.Frequency) error { return nil }
func (b *wire) String() string                  { return "wire" }

func TestRead(t *testing.T) {
	tests := map[string]struct {
		words []uint16
		want  uint16
		err   error
		left  int
	}{
		"undisturbed":       {words: []uint16{0x1234, 0x1234, 7}, want: 0x1234, left: 1},
		"first disturbed":   {words: []uint16{0x1235, 0x1234, 0x1234}, want: 0x1234},
		"second disturbed":  {words: []uint16{0x1234, 0x1235, 0x1234, 0x1234}, want: 0x1234},
		"never the same":    {words: []uint16{1, 2, 3, 4, 5, 5}, err: ErrUnsteady, left: 1},
		"alike, not in row": {words: []uint16{1, 2, 1, 2, 1}, err: ErrUnsteady},
		"gone":              {err: errGone},
		"gone meanwhile":    {words: []uint16{1}, err: errGone},
		"gone at the end":   {words: []uint16{1, 2, 3, 4}, err: errGone},
		"zero, then gone":   {words: []uint16{0}, err: errGone},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bus := &wire{words: tt.words}
			got, err := (&Chip{Bus: bus}).Read(0x05)
			if got != tt.want || !errors.Is(err, tt.err) || len(bus.words) != tt.left {
				t.Errorf("got %#04x, %v, %d reads left; want %#04x, %v, %d", got, err, len(bus.words), tt.want, tt.err, tt.left)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	bus := &wire{}
	if err := (&Chip{Bus: bus}).Write(0x01, 0x8583); err != nil || string(bus.written) != "\x01\x85\x83" {
		t.Errorf("wrote % x, %v", bus.written, err)
	}
}

func TestAllocatesNothing(t *testing.T) {
	bus := &wire{}
	c := &Chip{Bus: bus}
	words := make([]uint16, 2)
	if n := testing.AllocsPerRun(100, func() {
		bus.words = words
		if _, err := c.Read(1); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

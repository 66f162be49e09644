package command

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestNewest(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, test := range []struct {
		name    string
		written []string
		ends    bool
		want    string // "" for none yet
		err     error
	}{
		{name: "nothing"},
		{name: "a line", written: []string{"1\n"}, want: "1"},
		{name: "the newest wins", written: []string{"1\n2\n", "3\n"}, want: "3"},
		{name: "in pieces", written: []string{"1", "2", "\n3"}, want: "12"},
		{name: "no end yet", written: []string{"1\n2"}, want: "1"},
		{name: "the end of the output ends a line", written: []string{"1\n2"}, ends: true, want: "2"},
		{name: "blank lines do not count", written: []string{"1\n\n \t\r\n"}, ends: true, want: "1"},
		{name: "the longest", written: []string{long, "\n"}, want: long},
		{name: "too long", written: []string{"1\n", long, "x\n"}, err: errLong},
		{name: "too long, without end", written: []string{"1\n", long, long, long}, err: errLong},
		{name: "too long, then good", written: []string{"1\n", long + long, "\n2\n"}, want: "2"},
		{name: "too long, then good, then too long", written: []string{long + "x\n2\n", long, "x\n"}, err: errLong},
		{name: "too long and over", written: []string{"1\n", long, "x"}, ends: true, err: errLong},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newest{first: make(chan struct{})}
			for _, piece := range test.written {
				if w, err := n.Write([]byte(piece)); w != len(piece) || err != nil {
					t.Fatal(w, err)
				}
			}
			if test.ends {
				n.end()
			}
			line, at, err := n.newest()
			came := test.want != "" || test.err != nil
			if string(line) != test.want || at.IsZero() == came || (err == nil) != (test.want != "") || test.err != nil && !errors.Is(err, test.err) {
				t.Errorf("line %.20q of %d bytes at %v, error %v", line, len(line), at, err)
			}
			select {
			case <-n.first:
			default:
				if came {
					t.Error("nobody is told that a line came")
				}
			}
			if held := cap(n.line) + cap(n.part); held > 4*maxLine {
				t.Errorf("holds %d bytes", held)
			}
		})
	}
}

// The pieces in which output arrives make no difference. An L stands for two
// thirds of the longest line.
func FuzzNewest(f *testing.F) {
	f.Add([]byte("1\n22\n\n333"), uint16(2))
	f.Add([]byte("LL\n1\n L\nL"), uint16(1000))
	long := bytes.Repeat([]byte("l"), maxLine*2/3)
	f.Fuzz(func(t *testing.T, output []byte, size uint16) {
		if bytes.Count(output, []byte("L")) > 10 {
			return // too much for one try
		}
		output = bytes.ReplaceAll(output, []byte("L"), long)
		n := newest{first: make(chan struct{})}
		for rest := output; len(rest) > 0; {
			piece := rest[:min(len(rest), int(size)+1)]
			rest = rest[len(piece):]
			_, _ = n.Write(piece)
		}
		n.end()
		line, _, err := n.newest()

		var want []byte
		for l := range bytes.SplitSeq(output, []byte("\n")) {
			if len(bytes.TrimSpace(l)) > 0 || len(l) > maxLine {
				want = l
			}
		}
		if len(want) > maxLine {
			if !errors.Is(err, errLong) {
				t.Errorf("line %.20q, error %v, want that it is too long", line, err)
			}
		} else if !bytes.Equal(line, want) || (err == nil) != (want != nil) {
			t.Errorf("line %.20q, error %v, want %.20q", line, err, want)
		}
	})
}

func TestTail(t *testing.T) {
	for _, test := range []struct {
		written []string
		want    string
	}{
		{nil, ""},
		{[]string{" \n\n"}, ""},
		{
			[]string{"Traceback:\n  File \"soil.py\", line 2\n    import smbus2\nModuleNot", "FoundError: No module\n"},
			`File "soil.py", line 2 / import smbus2 / ModuleNotFoundError: No module`,
		},
		{[]string{"\x1b[31mred\x1b[0m\xff\r\n"}, "[31mred [0m"},
		{[]string{strings.Repeat("e", 10*maxTail), "\nend\n"}, strings.Repeat("e", maxTail-5) + " / end"},
	} {
		var tail tail
		for _, piece := range test.written {
			_, _ = tail.Write([]byte(piece))
		}
		if got := tail.String(); got != test.want {
			t.Errorf("%.20q: %q, want %q", test.written, got, test.want)
		}
		if cap(tail.text) > 4*maxTail {
			t.Errorf("holds %d bytes", cap(tail.text))
		}
	}
}

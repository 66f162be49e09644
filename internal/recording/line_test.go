package recording

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLines(t *testing.T) {
	for want, x := range map[string]Transaction{
		"12.345678 i2c-1 0x76 write=f7 read=655ac0 took=0.000412": {
			At: 12*time.Second + 345678*us, Bus: "i2c-1", Address: 0x76, Written: []byte{0xF7}, Asked: 3, Read: []byte{0x65, 0x5A, 0xC0}, Took: 412 * us,
		},
		"0.000000 i2c-20 0x00 write=06 took=2.000000": {Bus: "i2c-20", Written: []byte{6}, Took: 2 * time.Second},
		"0.000000 spi-10.1 missing=3 read=00 took=0.000000": {
			Bus: "spi-10.1", Missing: 3, Asked: 1, Read: []byte{0},
		},
		`0.000001 i2c-1 0x08 asked=17 took=0.000002 errno=121 error="nothing answers at \"0x08\": ☘\n"`: {
			At: us, Bus: "i2c-1", Address: 8, Asked: 17, Took: 2 * us,
			Err: &recordedError{"nothing answers at \"0x08\": ☘\n", 121},
		},
		`0.000000 i2c-1 0x76 write=00 took=0.000000 error=""`: {
			Bus: "i2c-1", Address: 0x76, Written: []byte{0}, Err: &recordedError{},
		},
	} {
		if got := strings.TrimSuffix(string(appendLine(nil, x)), "\n"); got != want {
			t.Errorf("written\n%s, want\n%s", got, want)
		}
		got, err := parseLine(want)
		if err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if diff := cmp.Diff(x, got, cmp.AllowUnexported(recordedError{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want, diff)
		}
	}
}

// An error comes back as what a driver or a person can tell of it.
func TestErrorsComeBack(t *testing.T) {
	for _, live := range []error{
		fmt.Errorf("nothing answers at 0x76: check the address: %w", syscall.ENXIO),
		fmt.Errorf("transaction with 0x76: %w", syscall.ETIMEDOUT),
		syscall.EIO,
		fmt.Errorf("open /dev/i2c-1: %w: enable I2C", syscall.ENOENT),
		errors.New("no answer for 2s: the bus is stuck"),
	} {
		line := string(appendLine(nil, Transaction{Bus: "i2c-1", Written: []byte{1}, Err: live}))
		x, err := parseLine(strings.TrimSuffix(line, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		if x.Err.Error() != live.Error() {
			t.Errorf("%q came back as %q", live, x.Err)
		}
		for errno := syscall.Errno(1); errno < 134; errno++ {
			if errors.Is(live, errno) != errors.Is(x.Err, errno) {
				t.Errorf("%q is %v, or came back as it", live, errno)
			}
		}
	}
	long := fmt.Errorf("%s☘☘☘", strings.Repeat("a", maxError-1))
	x, err := parseLine(strings.TrimSpace(string(appendLine(nil, Transaction{Bus: "i2c-1", Written: []byte{1}, Err: long}))))
	if err != nil || x.Err.Error() != strings.Repeat("a", maxError-1)+"…" {
		t.Errorf("a long error came back as %v, %v", x.Err, err)
	}
}

// An error in a file may be of any length and of any bytes. What is played back
// can be recorded again.
func TestStrangeErrorsAreShortened(t *testing.T) {
	for _, piece := range []string{"a", "☘", `\x80`} {
		line := "0.000000 i2c-1 0x76 write=01 took=0.000000 error=\"" + strings.Repeat(piece, 2*maxError) + "\""
		x, err := parseLine(line)
		if err != nil || len(x.Err.Error()) > maxError+len("…") {
			t.Fatalf("%.60s: error %v, with one of %d bytes", line, err, len(x.Err.Error()))
		}
		again, err := parseLine(strings.TrimSpace(string(appendLine(nil, x))))
		if err != nil || again.Err.Error() != x.Err.Error() {
			t.Errorf("%.60s: %q came back as %q, %v", line, x.Err, again.Err, err)
		}
	}
}

func TestBadLines(t *testing.T) {
	const ok = "0.000000 i2c-1 0x76 write=d0 read=60 took=0.000412"
	if _, err := parseLine(ok); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, now, says string }{
		{"0.000000", "0.0", `"0.0" is not a time: write seconds with six decimals, such as 0.000412`},
		{"0.000000", "-1.000000", "is not a time"},
		{"0.000000", "9999999999.000000", "is not a time"},
		{"i2c-1", "i2c1", `"i2c1" is not a bus: it is called like i2c-1 or spi-0.0`},
		{"i2c-1", "i2c-01", "is not a bus"},
		{"i2c-1 0x76", "spi-0", "is not a bus"},
		{"i2c-1 0x76", "spi-0.0 0x76", `what is "0x76 write=d0 read=60 took=0.000412" for? The order is`},
		{"0x76", "0x80", `"0x80" is not the address of a chip: write 0x00 to 0x7f`},
		{"0x76 ", "", "is not the address of a chip"},
		{"write=d0 read=60 ", "", "nothing is written and nothing read"},
		{"write=d0", "write=d", "write=d: write 1 to 8192 bytes, each as two hexadecimal digits"},
		{"write=d0", "write=", "write=: write 1 to 8192 bytes"},
		{"read=60", "read=" + strings.Repeat("00", maxLength+1), "write 1 to 8192 bytes"},
		{"read=60", "asked=1", "asked= belongs to a transaction that failed: write error= too, or what was read"},
		{"read=60", "asked=0", "asked=0: write a number from 1 to 8192"},
		{"read=60", "read=60 asked=1", "what is \"asked=1 took=0.000412\" for?"},
		{"write=d0 read=60", "read=60 write=d0", "what is \"write=d0 took=0.000412\" for?"},
		{"write=d0", "missing=-1 write=d0", "missing=-1: write the number of transactions that are missing"},
		{" took=0.000412", "", "took= is missing"},
		{"took=0.000412", "took=60.000001", "took: 1m0.000001s is longer than the 1m0s that a transaction can take"},
		{"took=0.000412", "took=0.000412 ", "what is"},
		{"took=0.000412", "took=0.000412 errno=5", "errno without error"},
		{"took=0.000412", "took=0.000412 errno=x error=\"\"", "errno=x: write a number from 1 to 4095"},
		{"took=0.000412", "took=0.000412 error=x", "error=x is not a text in double quotes"},
		{"took=0.000412", "took=0.000412 error='x'", "is not a text in double quotes"},
		{"took=0.000412", "took=0.000412 error=\"x\"", "a transaction that failed has read nothing"},
	} {
		line := strings.Replace(ok, c.old, c.now, 1)
		if _, err := parseLine(line); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.80s: error %v, want %q", line, err, c.says)
		}
	}
	for _, part := range strings.Fields(ok) {
		line := strings.Replace(ok, part, part+strings.Repeat("x", maxLine/2), 1)
		if _, err := parseLine(line); err == nil || len(err.Error()) > 200 {
			t.Errorf("%.80s: an error of %d bytes: %.200v", line, len(err.Error()), err)
		}
	}
}

func TestNamesComeBack(t *testing.T) {
	for _, name := range [][2]string{{"air.rec", ""}, {"air.rec", "i2c-1"}, {"/c#/air.rec", ""}, {"/c#/air.rec", "spi-0.0"}, {"air#2.rec", "i2c-1"}} {
		joined := JoinName(name[0], name[1])
		if file, bus, ok := CutName(joined); file != name[0] || bus != name[1] || !ok {
			t.Errorf("%q came back from %s as %q, %q", name, joined, file, bus)
		}
	}
}

// A program that was stopped for a while, by Ctrl-Z, writes what can be read.
func TestTransactionThatTookTooLong(t *testing.T) {
	x := Transaction{Bus: "i2c-1", Address: 0x76, Written: []byte{1}, Took: time.Hour}
	got, err := parseLine(strings.TrimSpace(string(appendLine(nil, x))))
	if err != nil || got.Took != maxTook {
		t.Errorf("took %v, error %v", got.Took, err)
	}
}

// The page that explains the format shows a recording.
func TestDocumentedFormat(t *testing.T) {
	page := text(t, "../../docs/recordings.md")
	_, example, _ := strings.Cut(page, "```\n"+magic)
	example, _, _ = strings.Cut(example, "```")
	var again strings.Builder
	err := parse(strings.NewReader(magic+example), func(_ int, x Transaction) { again.Write(appendLine(nil, x)) })
	if err != nil || len(transactions(again.String())) < 5 {
		t.Fatalf("error %v in\n%s", err, example)
	}
	if diff := cmp.Diff(transactions(magic+example), transactions(again.String())); diff != "" {
		t.Errorf("(-page +written):\n%s", diff)
	}
}

// Whatever is in a file, reading it ends with an error or with transactions
// that are written down as they were read, and that a replay gives back.
func FuzzParse(f *testing.F) {
	f.Add([]byte(someBuses))
	f.Add([]byte(magic + "1\n0.000000 i2c-1 0x76 write=d0 read=60 took=0.000412\n0.000000 i2c-1 0x76 missing=1 asked=1 took=0.000412 errno=5 error=\"\\xff\""))
	f.Fuzz(func(t *testing.T, text []byte) {
		var list []Transaction
		again := []byte(magic + version + "\n")
		err := parse(strings.NewReader(string(text)), func(line int, x Transaction) {
			if line < 2 || line > 1+strings.Count(string(text), "\n") {
				t.Fatalf("line %d of %q", line, text)
			}
			list = append(list, x)
			again = appendLine(again, x)
		})
		if err != nil {
			return
		}
		var second []Transaction
		err = parse(strings.NewReader(string(again)), func(_ int, x Transaction) { second = append(second, x) })
		if diff := cmp.Diff(list, second, cmp.AllowUnexported(recordedError{})); err != nil || diff != "" {
			t.Fatalf("%q became %q: %v\n%s", text, again, err, diff)
		}
		p, err := newReplay("fuzz.rec", strings.NewReader(string(text)))
		if err != nil {
			return // empty
		}
		for _, x := range list {
			s, err := p.tracks[x.place()].take(x.Written, x.Asked)
			if err != nil || !cmp.Equal(x, s.Transaction, cmp.AllowUnexported(recordedError{})) {
				t.Fatalf("%+v came back as %+v, %v", x, s, err)
			}
		}
	})
}

package outbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCutAtEveryByte: whatever a file is cut to, it opens, and gives the
// beginning of what was written.
func TestCutAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, Options{MaxSize: small})
	var want []Record
	for seq := uint64(1); seq <= 12; seq++ {
		want = append(want, add(t, q, seq, int(seq)*5))
	}
	q.Ack(want[0].Position)
	q.mu.Lock()
	q.flush(kindMark)
	used := int(q.log.active().used)
	q.mu.Unlock()
	name := segmentFiles(t, dir)[0]
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for n := used; n >= 0; n-- {
		for _, zeros := range []bool{false, true} {
			cut := t.TempDir()
			b := whole[:n]
			if zeros {
				b = append(append([]byte{}, b...), make([]byte, len(whole)-n)...)
			}
			if err := os.WriteFile(filepath.Join(cut, filepath.Base(name)), b, 0o600); err != nil {
				t.Fatal(err)
			}
			var got []Record
			s, err := Inspect(cut, func(r Record, _ bool) { r.Payload = append([]byte{}, r.Payload...); got = append(got, r) })
			if err != nil {
				t.Fatal(err)
			}
			if err := check(got, want[:len(got)], nil); err != nil {
				t.Fatalf("cut at %d: %v", n, err)
			}
			if s.Damaged > 0 && n >= used {
				t.Fatalf("cut at %d: %+v", n, s)
			}
			if n%32 == 0 { // the whole queue: opens, goes on
				q := open(t, cut, Options{MaxSize: small})
				add(t, q, 1, 50)
				if h := held(q); h[len(h)-1].Seq != 1 {
					t.Fatalf("cut at %d: appended record not there", n)
				}
				q.Close()
			}
		}
	}
}

func FuzzSegment(f *testing.F) {
	q, err := Open(f.TempDir(), Options{MaxSize: small})
	if err != nil {
		f.Fatal(err)
	}
	for seq := uint64(1); seq <= 20; seq++ {
		q.Append(Record{Epoch: 1, Seq: seq, Payload: payload(seq, int(seq))})
	}
	q.Ack(3)
	q.Ack(7)
	q.Close()
	b, err := os.ReadFile(filepath.Join(q.dir, "00000001.seg"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[:4096])
	f.Add(b[:777])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 64<<10 {
			return
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "00000001.seg"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		frames := 0
		if _, err := Inspect(dir, func(r Record, _ bool) {
			frames++
			want := appendFrame(nil, frame{kindRecord, r.Position, r.Epoch, r.Seq, r.Payload})
			want = want[:frameHead+len(r.Payload)]
			if !strings.Contains(string(b), string(want)) {
				t.Fatalf("record %d is not in the file", r.Position)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if frames > len(b)/frameHead {
			t.Fatalf("%d records in %d bytes", frames, len(b))
		}
		q := open(t, dir, Options{MaxSize: small})
		before := held(q)
		p, err := q.Append(Record{Epoch: 1, Seq: 1, Payload: []byte("x")})
		if err != nil {
			t.Fatal(err)
		}
		if after := held(q); len(after) != len(before)+1 || after[len(before)].Position != p {
			t.Fatalf("held %d, then %d", len(before), len(after))
		}
	})
}

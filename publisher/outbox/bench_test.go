package outbox

import (
	"os"
	"testing"
)

// Figures are to be read as ratios to the first, the bare write(2) of as many
// bytes, in the same run.

func BenchmarkWrite(b *testing.B) {
	f, err := os.CreateTemp(b.TempDir(), "")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 256)
	for b.Loop() {
		if _, err := f.WriteAt(buf, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendAndAck(b *testing.B) { // the broker keeps up
	q := open(b, b.TempDir(), Options{})
	r := Record{Epoch: q.Epoch(), Payload: payload(1, 120)}
	b.ReportAllocs()
	for b.Loop() {
		r.Seq++
		p, err := q.Append(r)
		if err != nil {
			b.Fatal(err)
		}
		q.Ack(p)
	}
	b.ReportMetric(float64(q.Stats().BytesWritten)/float64(b.N), "written/op")
}

func BenchmarkAppend(b *testing.B) { // an outage
	q := open(b, b.TempDir(), Options{})
	r := Record{Epoch: q.Epoch(), Payload: payload(1, 120)}
	b.ReportAllocs()
	for b.Loop() {
		r.Seq++
		if _, err := q.Append(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendEach(b *testing.B) {
	q := open(b, b.TempDir(), Options{Sync: Each, disk: realDisk()})
	r := Record{Epoch: q.Epoch(), Payload: payload(1, 120)}
	for b.Loop() {
		r.Seq++
		p, err := q.Append(r)
		if err != nil {
			b.Fatal(err)
		}
		q.Ack(p)
	}
}

// filled returns the directory of a log of 60 MB.
func filled(b *testing.B) (dir string, records int) {
	b.Helper()
	dir = b.TempDir()
	q, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	r := Record{Epoch: q.Epoch(), Payload: payload(1, 120)}
	for r.Seq < 390_000 {
		r.Seq++
		if _, err := q.Append(r); err != nil {
			b.Fatal(err)
		}
	}
	if s := q.Stats(); s.Dropped > 0 {
		b.Fatalf("%+v", s)
	}
	if err := q.Close(); err != nil {
		b.Fatal(err)
	}
	return dir, int(r.Seq)
}

func BenchmarkDrain(b *testing.B) { // Next and Ack of a backlog, from the disk
	dir, _ := filled(b)
	q := open(b, dir, Options{})
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	var p Position
	for b.Loop() {
		r, ok := q.Next(p, buf)
		if !ok {
			b.StopTimer()
			q.Close()
			dir, _ = filled(b)
			q = open(b, dir, Options{})
			p = 0
			b.StartTimer()
			continue
		}
		p = r.Position
		q.Ack(p)
	}
}

func BenchmarkOpen(b *testing.B) { // 60 MB, 390,000 records
	dir, n := filled(b)
	for b.Loop() {
		q, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if got := q.Stats().Held; got != uint64(n) {
			b.Fatalf("held %d", got)
		}
		b.StopTimer()
		q.Close()
		b.StartTimer()
	}
}

package powercut

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// sector is what a disk writes whole or not at all.
const sector = 512

// A device is a disk with a volatile cache, as SD cards and SSDs are: what was
// written before the last flush survives a power cut; of what came later any
// sectors may, and others not, in no order.
type device struct {
	mu      sync.Mutex
	content []byte  // as it is read
	durable []byte  // as it was at the last flush
	cache   []write // since then, in order
	done    traffic
}

type write struct {
	off  int64
	data []byte
}

// traffic is what the kernel has asked of a device.
type traffic struct {
	bytes   int64 // written
	flushes int64
}

// newDevice returns a device with the content of image, which it does not
// change.
func newDevice(image []byte) *device {
	return &device{content: bytes.Clone(image), durable: bytes.Clone(image)}
}

func (d *device) size() int64 { return int64(len(d.content)) }

// read fills b from off on and returns how much there was to be read.
func (d *device) read(b []byte, off int64) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return copy(b, d.content[min(off, d.size()):])
}

// write takes b, which lies within the device, into the cache.
func (d *device) write(b []byte, off int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	copy(d.content[off:], b)
	d.cache = append(d.cache, write{off, bytes.Clone(b)})
	d.done.bytes += int64(len(b))
}

// flush makes durable what was written.
func (d *device) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.cache {
		copy(d.durable[w.off:], w.data)
	}
	d.cache = nil
	d.done.flushes++
}

// cut returns what a power cut at this instant leaves, and the instant. The
// device itself goes on, so that the kernel can be let go in peace.
func (d *device) cut(rnd *rand.Rand) (image []byte, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at = time.Now()
	image = bytes.Clone(d.durable)
	keep := rnd.IntN(5) // sectors of four: anything from none to all
	for _, w := range d.cache {
		for i := 0; i < len(w.data); i += sector {
			if rnd.IntN(4) < keep {
				copy(image[w.off+int64(i):], w.data[i:min(i+sector, len(w.data))])
			}
		}
	}
	return image, at
}

// traffic returns what was done so far.
func (d *device) traffic() traffic {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.done
}

func TestDevice(t *testing.T) {
	const sectors = 8
	fill := func(b byte) []byte { return bytes.Repeat([]byte{b}, sectors*sector) }
	rnd := rand.New(rand.NewPCG(1, 1))
	d := newDevice(fill('0'))
	d.write(fill('a'), 0)
	d.flush()
	if image, _ := d.cut(rnd); !bytes.Equal(image, fill('a')) {
		t.Fatal("a cut has changed what was flushed")
	}
	d.write(fill('b'), 0)
	now := make([]byte, sectors*sector)
	if n := d.read(now, 0); n != len(now) || !bytes.Equal(now, fill('b')) {
		t.Error("what was written is not read")
	}

	seen := map[string]bool{} // what survived, a letter for each sector
	for range 1000 {
		image, _ := d.cut(rnd)
		var survivors []byte
		for i := 0; i < len(image); i += sector {
			b := image[i : i+sector]
			if b[0] != 'a' && b[0] != 'b' || bytes.Count(b, b[:1]) != sector {
				t.Fatalf("sector %d is neither what was flushed nor what was written: %q", i/sector, b)
			}
			survivors = append(survivors, b[0])
		}
		seen[string(survivors)] = true
	}
	if !seen["aaaaaaaa"] || !seen["bbbbbbbb"] || len(seen) < 100 {
		t.Errorf("1000 cuts have left %d different images; want none, all and any of the sectors", len(seen))
	}
}

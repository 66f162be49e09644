package recording

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A ring is held to a list of what was pushed: it gives back the youngest, whole.
func TestRingHoldsTheYoungest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	failure := errors.New("no answer")
	for range 40 {
		r := newRing(1+rng.IntN(9), 20+rng.IntN(60))
		var model []Transaction
		fullest := 0
		for i := range 150 {
			x := Transaction{At: time.Duration(i), Took: time.Duration(rng.IntN(99)), Asked: rng.IntN(10)}
			x.Written = randomBytes(rng, rng.IntN(11))
			if rng.IntN(4) == 0 {
				x.Err = failure
			} else {
				x.Read = randomBytes(rng, x.Asked)
			}
			for !r.push(x, mark(i%3)) {
				if len(model) == 0 {
					t.Fatalf("no room for %d bytes in an empty ring of %d", len(x.Written)+len(x.Read), len(r.data))
				}
				got, m := r.pop()
				check(t, model[0], got, m)
				model = model[1:]
			}
			model = append(model, x)
			if r.count != len(model) {
				t.Fatalf("%d entries, want %d", r.count, len(model))
			}
			bytes := 0
			for i, want := range model {
				got, m := r.at(i)
				check(t, want, got, m)
				bytes += len(want.Written) + len(want.Read)
			}
			fullest = max(fullest, bytes)
		}
		if fullest < len(r.data)-20 && len(r.entries) > 8 {
			t.Errorf("never more than %d bytes of %d were in use", fullest, len(r.data))
		}
	}
}

func check(t *testing.T, want, got Transaction, m mark) {
	t.Helper()
	same := cmp.Equal(want.Written, got.Written, cmp.Comparer(bytes.Equal)) && cmp.Equal(want.Read, got.Read, cmp.Comparer(bytes.Equal))
	if !same || got.At != want.At || got.Took != want.Took || got.Asked != want.Asked || got.Err != want.Err || m != mark(want.At%3) {
		t.Fatalf("got %+v with mark %d, want %+v", got, m, want)
	}
}

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

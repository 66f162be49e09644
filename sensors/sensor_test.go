package sensors

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, d := range []time.Duration{-1, 0, time.Millisecond, heed, 5 * time.Second} {
			begin := time.Now()
			if err := Sleep(t.Context(), d); err != nil || time.Since(begin) != max(0, d) {
				t.Errorf("%v: took %v, error %v", d, time.Since(begin), err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		begin := time.Now()
		time.AfterFunc(time.Second, cancel)
		if err := Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) || time.Since(begin) > time.Second+heed {
			t.Errorf("cancelled after 1 s: took %v, error %v", time.Since(begin), err)
		}
		if err := Sleep(ctx, 0); err == nil {
			t.Error("an ended context is not noticed")
		}
	})
	if n := testing.AllocsPerRun(200, func() { _ = Sleep(t.Context(), time.Microsecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestQuantities(t *testing.T) {
	keys := map[string]bool{}
	for _, q := range Quantities() {
		if found, ok := QuantityNamed(q.Name); !ok || found != q {
			t.Errorf("%s is not found by its name", q.Name)
		}
		if keys[q.Key] {
			t.Errorf("key %s is of two quantities", q.Key)
		}
		keys[q.Key] = true
	}
	if _, ok := QuantityNamed("phlogiston"); ok {
		t.Error("found phlogiston")
	}
}

package main

import (
	"math"
	"testing"
	"time"
)

func TestFiguresOfWindows(t *testing.T) {
	const ms10 = 10 * time.Millisecond
	ws := windows{
		{length: 40 * time.Millisecond, interval: ms10, cpu: time.Millisecond, memory: memory{6e6, 1e6}, gaps: []time.Duration{
			ms10 + 20*time.Microsecond, ms10 - 20*time.Microsecond, ms10 + 50*time.Microsecond, ms10 + 150*time.Microsecond,
		}},
		{length: 40 * time.Millisecond, interval: ms10, cpu: 200 * time.Microsecond, memory: memory{8e6, 5e6}, gaps: []time.Duration{ms10, ms10}},
		{length: 40 * time.Millisecond, interval: ms10, cpu: 300 * time.Microsecond, memory: memory{7e6, 3e6}, gaps: []time.Duration{ms10, ms10, ms10}},
	}
	for _, test := range []struct {
		name      string
		got, want float64
	}{
		{"CPU: median of 250, 100 and 100 ms", ws.cpu(), 100},
		{"memory", ws.pss(), 7},
		{"dirty memory", ws.dirty(), 3},
		{"gap error: median of five zeros, 20, 20, 50 and 150 µs", ws.gapError(), 0},
		{"gap error of the first window", ws[:1].gapError(), 35},
		{"drift: 200 µs in 90 ms", ws.drift(), 100 * 0.2 / 90},
		{"came", ws.came(), 9},
		{"due", float64(ws.due()), 12},
		{"delivered", ws.delivered(), 750},
	} {
		if math.Abs(test.got-test.want) > 1e-9 {
			t.Errorf("%s: got %v, want %v", test.name, test.got, test.want)
		}
	}
}

func TestMedian(t *testing.T) {
	if m := median([]float64{9, 1, 5}); m != 5 {
		t.Errorf("median of 9, 1, 5 is %v", m)
	}
	if m := median([]float64{1, 2, 4, 9}); m != 3 {
		t.Errorf("median of 1, 2, 4, 9 is %v", m)
	}
	if m := median(nil); !math.IsNaN(m) {
		t.Errorf("median of nothing is %v", m)
	}
}

package main

import (
	"context"
	"math"
	"slices"
	"time"
)

// window is what was seen of a contender over some seconds, after it had
// settled.
type window struct {
	length   time.Duration
	interval time.Duration   // wanted between two messages
	gaps     []time.Duration // from each message in the window to the next
	cpu      time.Duration   // user and system time used
	memory   memory          // at the end
}

// watch runs a contender and looks at it from one message to another: the
// first after settle, and the first that is out of the window.
func (b *bench) watch(ctx context.Context, c contender, interval time.Duration, qos int, length time.Duration) (window, error) {
	w := window{length: length, interval: interval}
	in, err := subscribe(ctx, b.broker.port, valueTopic)
	if err != nil {
		return w, err
	}
	defer in.close()
	p, err := c(ctx, b.broker.port, interval, qos)
	if err != nil {
		return w, err
	}
	defer p.stop()

	patience := startPatience + interval
	last, err := in.next(patience)
	for settled := last.Add(b.settle); err == nil && last.Before(settled); {
		last, err = in.next(patience)
	}
	if err != nil {
		return w, p.explain(err)
	}
	before, err := p.cpu()
	if err != nil {
		return w, err
	}
	// Half an interval, so that the window's last message is in it and the
	// next one not, however they shake.
	for end := last.Add(length - interval/2); last.Before(end); {
		t, err := in.next(patience)
		if err != nil {
			return w, p.explain(err)
		}
		w.gaps = append(w.gaps, t.Sub(last))
		last = t
	}
	after, err := p.cpu()
	if err != nil {
		return w, err
	}
	w.cpu = after - before
	w.memory, err = p.memory()
	return w, err
}

// windows are several looks at one contender doing the same.
type windows []window

// cpu returns milliseconds of CPU time per thousand readings: the median, so
// that one window in which the machine was busy does not count.
func (ws windows) cpu() float64 {
	var v []float64
	for _, w := range ws {
		v = append(v, ms(w.cpu)/float64(len(w.gaps))*1000)
	}
	return median(v)
}

// pss returns megabytes, the median.
func (ws windows) pss() float64 {
	var v []float64
	for _, w := range ws {
		v = append(v, float64(w.memory.pss)/1e6)
	}
	return median(v)
}

// dirty returns megabytes, the median.
func (ws windows) dirty() float64 {
	var v []float64
	for _, w := range ws {
		v = append(v, float64(w.memory.dirty)/1e6)
	}
	return median(v)
}

// gapError returns how far half of all gaps are at most from the interval, in
// microseconds.
func (ws windows) gapError() float64 {
	var v []float64
	for _, w := range ws {
		for _, g := range w.gaps {
			v = append(v, math.Abs(us(g-w.interval)))
		}
	}
	return median(v)
}

// drift returns by how much the mean gap is off the interval, in percent.
func (ws windows) drift() float64 {
	var took, wanted time.Duration
	for _, w := range ws {
		for _, g := range w.gaps {
			took += g
			wanted += w.interval
		}
	}
	return 100 * math.Abs(float64(took-wanted)) / float64(wanted)
}

// due is how many messages should have come.
func (ws windows) due() int {
	var n int
	for _, w := range ws {
		n += int(w.length / w.interval)
	}
	return n
}

// came is how many did.
func (ws windows) came() float64 {
	var n float64
	for _, w := range ws {
		n += float64(len(w.gaps))
	}
	return n
}

// delivered is how many of a thousand did.
func (ws windows) delivered() float64 { return 1000 * ws.came() / float64(ws.due()) }

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return (v[len(v)/2] + v[(len(v)-1)/2]) / 2
}

func ms(d time.Duration) float64 { return d.Seconds() * 1e3 }
func us(d time.Duration) float64 { return d.Seconds() * 1e6 }

// Package sampler is the only owner of time: it ticks each stream on a fixed
// grid of the monotonic clock, has the stream's sensors read, and hands the
// readings on. It knows neither chips nor messages.
//
// Each stream has a goroutine that waits for its tick, and each sensor has one
// that reads it. A stream asks its sensors, waits for their answers as long as
// a reading may take, and goes on without those that did not answer: a sensor
// that hangs costs its own measurements and nothing else.
package sampler

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"sensor-agent/sensors"
)

// Sensor is one sensor to be read.
type Sensor struct {
	Name string
	Plan sensors.Plan
	Wire func() (sensors.Wire, error) // how to reach it, asked before each open

	Bus    string // shared with the sensors that name the same one; "" for none
	Reopen func() // lets go of the bus, which is opened anew when next used; nil without one
}

// Stream is a schedule and the sensors read at each of its ticks.
type Stream struct {
	Name     string
	Interval time.Duration
	Sensors  []int // indices into the sampler's sensors
}

// A Tick is what one tick of a stream found. It is valid until the function it
// was handed to returns.
type Tick struct {
	Stream   int               // index into the sampler's streams
	At       time.Time         // when the sensors were asked, with its monotonic reading
	Readings []sensors.Reading // one per sensor of the stream; nil if it could not be read
}

// Sampler ticks streams and reads sensors. Make one with [New].
type Sampler struct {
	sources []*source
	streams []*stream
}

// stopTimeout is how long Run waits for sensors that are being read when it is
// told to stop.
const stopTimeout = 2 * time.Second

// New makes a sampler. deliver is called at each tick with what was read, by
// one goroutine per stream; it must not block. changed is called when the
// health of a sensor has changed, given as its index, by any goroutine; it must
// not block either.
func New(sensorList []Sensor, streams []Stream, deliver func(Tick), changed func(sensor int, h Health), log *slog.Logger) *Sampler {
	s := &Sampler{}
	origin := time.Now()
	for i, sensor := range sensorList {
		if sensor.Reopen == nil {
			sensor.Reopen = func() {}
		}
		s.sources = append(s.sources, &source{
			Sensor:  sensor,
			log:     log.With("sensor", sensor.Name),
			origin:  origin,
			changed: func(h Health) { changed(i, h) },
			asks:    make(chan *ask, len(streams)),
			doubted: -1, suspected: -1,
		})
	}
	for i, src := range s.sources {
		for j, other := range s.sources {
			if i != j && src.Bus != "" && src.Bus == other.Bus {
				src.neighbours = append(src.neighbours, other)
			}
		}
	}
	for i, st := range streams {
		s.streams = append(s.streams, newStream(i, st, s.sources, deliver))
	}
	return s
}

// Run samples until ctx ends, then closes the sensors and returns. A sensor
// that hangs then is left behind after two seconds.
func (s *Sampler) Run(ctx context.Context) error { return s.run(ctx, newTimer) }

// RunSimulated is Run by the timers of the Go runtime instead of the kernel's:
// those that a testing/synctest bubble moves.
func (s *Sampler) RunSimulated(ctx context.Context) error { return s.run(ctx, newRuntimeTimer) }

func (s *Sampler) run(ctx context.Context, newTimer func() (timer, error)) error {
	for _, st := range s.streams {
		t, err := newTimer()
		if err != nil {
			return fmt.Errorf("making the timer of stream %s: %w", st.name, err)
		}
		defer t.Close()
		st.setTimer(t)
	}
	readers := make(chan struct{})
	go func() {
		defer close(readers)
		var wg sync.WaitGroup
		for _, src := range s.sources {
			wg.Go(func() { src.run(ctx) })
		}
		wg.Wait()
	}()

	start := time.Now() // one origin, so that streams of related intervals tick together
	var wg sync.WaitGroup
	for _, st := range s.streams {
		wg.Go(func() { st.run(ctx, start) })
	}
	wg.Wait()
	for _, src := range s.sources {
		close(src.asks)
	}
	select {
	case <-readers:
	case <-time.After(stopTimeout):
	}
	return nil
}

// SetInterval changes a stream's interval from its last tick on: if the new
// interval since then has passed at the time of the change, the stream ticks at
// once. Streams changed with the same time tick together. It may be called by
// any goroutine.
func (s *Sampler) SetInterval(stream int, d time.Duration, at time.Time) {
	s.streams[stream].retune(d, at)
}

// Health returns how sensor i is doing.
func (s *Sampler) Health(i int) Health {
	return s.sources[i].Health()
}

// Missed returns how many ticks of a stream have been skipped because an
// earlier one took too long.
func (s *Sampler) Missed(stream int) int64 { return s.streams[stream].missed.Load() }

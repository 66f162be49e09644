// Package sensors is the vocabulary of measuring: quantities, measurements,
// readings, and what a driver and a sensor are. Each chip family has a folder
// below this one; sensors/catalog lists them all.
//
// Nothing here knows of MQTT, of a configuration file or of a schedule: a
// sensor reads when it is told to. This package and the drivers import the
// standard library and periph's connection interfaces, so a driver can be
// lifted out and used elsewhere.
package sensors

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Quality says how far a value can be relied on. A greater one is worse.
type Quality uint8

// The qualities of a value.
const (
	Good      Quality = iota
	WarmingUp         // the chip answers, but has not settled since it was powered
	Stale             // measured longer ago than the reading asked for
	Suspect           // not what the chip can have measured
)

// String returns the quality as messages have it: "good", "warming_up",
// "stale", "suspect".
func (q Quality) String() string {
	return [...]string{"good", "warming_up", "stale", "suspect"}[q]
}

// A Measurement is one quantity's value, in the unit of its [Quantity].
type Measurement struct {
	Value   float64 // NaN when there is no value
	Quality Quality // of the value
	Reason  string  // why there is no value, or why it is not good, for a person
}

// Value is a measurement that succeeded.
func Value(v float64) Measurement { return Measurement{Value: v} }

// NoValue is a measurement that gave nothing this time, though its sensor
// answered: a light cell at the rail, a gas heater that was not reached. It is
// published as null.
func NoValue(reason string) Measurement {
	return Measurement{Value: math.NaN(), Reason: reason}
}

// Valid reports whether m holds a value that can be published.
func (m Measurement) Valid() bool {
	return !math.IsNaN(m.Value) && !math.IsInf(m.Value, 0)
}

// Doubtful returns m with a worse quality and the reason for it. What has no
// value, or is worse already, stays as it is.
func (m Measurement) Doubtful(q Quality, reason string) Measurement {
	if m.Valid() && q > m.Quality {
		m.Quality, m.Reason = q, reason
	}
	return m
}

// A Reading is all measurements of one sensor at one instant, in the order of
// its [Plan.Outputs].
type Reading []Measurement

// A Sensor is one opened instance of a driver.
//
// Its methods are called by one goroutine at a time. A sensor keeps no schedule
// and, but for one that has to hear an external program, starts no goroutine:
// sampling belongs to the caller.
type Sensor interface {
	// Read measures once. It takes no longer than [Plan.Takes] on a healthy
	// bus and returns early when ctx ends. The Reading belongs to the sensor
	// and holds until the next Read, so that steady sampling allocates
	// nothing. An error means that no measurement at all could be had.
	Read(ctx context.Context) (Reading, error)
	// Close puts the chip to rest, as far as it can be reached.
	Close() error
}

// heed is how soon Sleep notices that its context has ended.
const heed = 250 * time.Millisecond

// Sleep waits for d, or until shortly after ctx ends and then returns its
// error. Drivers wait for their chips with it, so that no wait outlives the
// agent. It sleeps in pieces, since that needs no memory, where a timer and a
// select would for each reading.
func Sleep(ctx context.Context, d time.Duration) error {
	end := time.Now().Add(d)
	stop, bounded := ctx.Deadline()
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("interrupted while waiting for the chip: %w", err)
		}
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		if bounded {
			left = min(left, time.Until(stop))
		}
		time.Sleep(min(left, heed))
	}
}

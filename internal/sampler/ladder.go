package sampler

import (
	"context"
	"fmt"
	"time"

	"sensor-agent/sensors"
)

// A reading that fails, or that cannot be true, is not given up at once. Within
// its tick, as long as the streams wait for it, the source climbs a ladder and
// comes down at the first good reading:
//
//	retry    read again: a disturbed wire
//	reset    open the sensor anew, which resets the chip and reads its
//	         calibration again: a chip that lost its power, or another one
//	reopen   let go of the bus and open it anew: an adapter that is confused
//
// While the trouble lasts, each tick makes one attempt, so that the sensor is
// back within one interval of its return; the ladder is climbed again after
// pauses that double. Where a tick has no time for all of it, the chip is reset
// for the attempt of the next one.
const (
	firstClimb = time.Second
	lastClimb  = time.Minute

	// hog is how much longer than a reading a failing attempt may take and be
	// made again at the next tick. One that takes longer, again and again, while
	// others of its bus are read holds these up: the sensor is left alone for
	// some times as long.
	hog     = 100 * time.Millisecond
	hogRest = 4
)

// read takes one good reading if it can be had until a time, or one that is
// not, or an error.
func (s *source) read(ctx context.Context, until time.Time) (sensors.Reading, error) {
	if s.rest > 0 && time.Since(s.tried) < s.rest {
		return nil, s.lastErr
	}
	reading, err := s.attempt(ctx)
	if !good(reading, err) && !s.began.Before(s.nextClimb) {
		s.pause = min(max(firstClimb, 2*s.pause), lastClimb)
		s.nextClimb = s.began.Add(s.pause)
		reading, err = s.climb(ctx, until, reading, err)
	}
	if err != nil {
		s.shut() // the next attempt begins with a chip in a known state
		if s.took > s.Plan.Takes+hog && s.othersDoWell() {
			s.rest = min(max(hogRest*s.took, 2*s.rest), lastClimb)
		}
		s.tried = time.Now()
		return nil, err
	}
	s.rest = 0
	if suspect(reading) {
		s.tried = time.Now()
		return reading, nil
	}
	s.tried = time.Time{}
	s.succeeded.Store(int64(time.Since(s.origin)))
	// A chip that measures nothing for a while after a reset has not shown yet
	// that it is well.
	if s.suspected < 0 || reading[s.suspected].Valid() {
		s.pause, s.nextClimb, s.suspected = 0, time.Time{}, -1
	}
	return reading, nil
}

// climb takes the steps of the ladder, after an attempt that was not good, and
// returns what the last attempt gave.
func (s *source) climb(ctx context.Context, until time.Time, reading sensors.Reading, err error) (sensors.Reading, error) {
	fits := func() bool { return ctx.Err() == nil && time.Now().Add(s.Plan.Takes).Before(until) }
	if fits() {
		s.count(&s.health.Steps.Retries)
		if reading, err = s.attempt(ctx); good(reading, err) {
			return reading, err
		}
	}
	s.count(&s.health.Steps.Resets)
	s.shut()
	if !fits() {
		return reading, err
	}
	if reading, err = s.attempt(ctx); good(reading, err) || s.Bus == "" || !fits() {
		return reading, err
	}
	s.count(&s.health.Steps.Reopens)
	s.shut()
	s.Reopen()
	return s.attempt(ctx)
}

// count counts a step.
func (s *source) count(step *uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*step++
}

// attempt opens the sensor if needed and takes one reading.
func (s *source) attempt(ctx context.Context) (sensors.Reading, error) {
	began := time.Now()
	defer func() { s.took = time.Since(began) }()
	if s.sensor == nil {
		wire, err := s.Wire()
		if err != nil {
			return nil, err
		}
		if s.sensor, err = s.Plan.Open(ctx, wire); err != nil {
			s.sensor = nil
			return nil, err
		}
	}
	reading, err := s.sensor.Read(ctx)
	if err == nil && len(reading) != len(s.Plan.Outputs) {
		err = fmt.Errorf("driver gave %d measurements of %d", len(reading), len(s.Plan.Outputs))
	}
	if err == nil && suspect(reading) {
		s.suspected = worst(reading)
	}
	return reading, err
}

func good(r sensors.Reading, err error) bool { return err == nil && !suspect(r) }

// othersDoWell reports whether another sensor of the bus has been read since
// the last failed attempt to read this one: then it is not the bus that fails.
func (s *source) othersDoWell() bool {
	for _, other := range s.neighbours {
		if !s.tried.IsZero() && other.succeeded.Load() > int64(s.tried.Sub(s.origin)) {
			return true
		}
	}
	return false
}

func (s *source) shut() {
	if s.sensor == nil {
		return
	}
	if err := s.sensor.Close(); err != nil {
		s.log.Debug("closing sensor", "err", err)
	}
	s.sensor = nil
}

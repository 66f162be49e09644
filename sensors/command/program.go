package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sensor-agent/sensors"
)

const (
	// firstPause is the least time between two starts of a program that is to
	// go on running. It doubles with each start, up to lastPause, and begins
	// anew once a start has been the last for calm.
	firstPause = time.Second
	lastPause  = time.Minute
	calm       = 2 * lastPause

	// stuck is after how many times its greatest age a program that prints no
	// line is given up.
	stuck = 3
)

// A program is what a sensor runs, and what is remembered of its runs. It
// outlives the sensor: who reads a failing one closes it and opens it anew, and
// a program that crashes at once shall not be started as often.
type program struct {
	argv    []string
	keys    []string      // of its values, as of the reading
	timeout time.Duration // of a run, or to the first line
	reading sensors.Reading

	process *process  // started last; nil before
	started time.Time // when that was
	pause   time.Duration
	failure error // why it had to be started again; nil before
}

// start starts the program. One that hangs in the kernel, so that not even
// SIGKILL ends it, is not joined by others.
func (p *program) start() (*process, error) {
	if p.process != nil && !p.process.ended() {
		return nil, errImmortal
	}
	p.process = start(p.argv)
	return p.process, nil
}

// launch starts a program that goes on running, unless the last start is too
// recent, and waits for its first line.
func (p *program) launch(ctx context.Context) error {
	since := time.Since(p.started)
	if since < p.pause {
		if p.failure == nil {
			return fmt.Errorf("the program was ended: it is started again %v after its last start", p.pause)
		}
		return fmt.Errorf("%w: it is started again %v after its last start", p.failure, p.pause)
	}
	if since > calm {
		p.pause = 0
	}
	p.pause = min(max(firstPause, 2*p.pause), lastPause)
	p.started, p.failure = time.Now(), nil

	run, err := p.start()
	if err == nil {
		err = run.await(ctx, run.stdout.first, p.timeout,
			fmt.Errorf("the program printed no line within %v of its start: have it flush what it prints, or lengthen `timeout`", p.timeout))
	}
	if err == nil {
		err = p.ended()
	}
	if ctx.Err() == nil {
		p.failure = err
	}
	return err
}

// ended returns how a program that was to go on running has ended; nil if it
// has not.
func (p *program) ended() error {
	switch {
	case !p.process.ended():
		return nil
	case p.process.err != nil:
		return p.process.told(p.process.err)
	default:
		return p.process.told(errors.New("the program ended: one that prints a line and ends wants `mode: reading`"))
	}
}

// onDemand is a program that is run for each reading.
type onDemand struct{ *program }

// Read runs the program and takes the last line it prints. It returns when the
// program has ended or been killed, which is grace after its deadline unless it
// hangs in the kernel.
func (s onDemand) Read(ctx context.Context) (sensors.Reading, error) {
	run, err := s.start()
	if err != nil {
		return nil, err
	}
	err = run.await(ctx, run.done, s.timeout,
		fmt.Errorf("the program did not end within %v and was killed: lengthen `timeout` if it needs more, or write `mode: lines` if it is not to end", s.timeout))
	if err != nil {
		return nil, err
	}
	if run.err != nil {
		return nil, run.told(run.err)
	}
	line, _, err := run.stdout.newest()
	if err == nil {
		err = parse(line, s.keys, s.reading)
	}
	if err != nil {
		return nil, run.told(err)
	}
	return s.reading, nil
}

// Close does nothing: no run outlives its reading.
func (onDemand) Close() error { return nil }

// running is a program that goes on running.
type running struct {
	*program
	maxAge time.Duration
}

// Read takes the newest line that the program has printed. What is wrong with
// that line leaves the values out and is no error, since it is no reason to
// start the program anew.
func (s running) Read(context.Context) (sensors.Reading, error) {
	if err := s.ended(); err != nil {
		s.failure = err
		return nil, err
	}
	line, at, err := s.process.stdout.newest()
	age := time.Since(at)
	if age > stuck*s.maxAge {
		s.failure = s.process.told(fmt.Errorf("the program has printed no line for %v, %d times `max_age`", stuck*s.maxAge, stuck))
		return nil, s.failure
	}
	if err == nil {
		err = parse(line, s.keys, s.reading)
	}
	for i, m := range s.reading {
		switch {
		case err != nil:
			s.reading[i] = sensors.NoValue(err.Error())
		case age > s.maxAge:
			s.reading[i] = m.Doubtful(sensors.Stale, fmt.Sprintf("the program printed it more than %v ago", s.maxAge))
		}
	}
	return s.reading, nil
}

// Close ends the program.
func (s running) Close() error { return s.process.end() }

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"
)

// startPatience is how long a program may take to its first message.
const startPatience = 10 * time.Second

// latencies measures how long things take that happen once: the median of a
// few tries. The script is retuned only once, since it sleeps on to the end of
// its old interval.
func (b *bench) latencies(ctx context.Context) ([]row, error) {
	retune := func(from, to time.Duration) latency {
		return func(ctx context.Context, c contender) (time.Duration, error) { return b.retune(ctx, c, from, to) }
	}
	list := []struct {
		what        string
		measure     latency
		goal        goal
		scriptTries int
		pubTries    int
	}{
		{"exec to first message, ms", b.firstMessage, goal{}, b.tries, b.tries},
		{"exec to first acknowledged, ms", b.firstAck, atMost(10, "ms"), b.tries, b.tries},
		{"retune 10 s → 1 s, ms", retune(10*time.Second, time.Second), atMost(1005, "ms"), 1, 0},
		{"retune 1 s → 100 ms, ms", retune(time.Second, 100*time.Millisecond), atMost(105, "ms"), 1, 0},
	}
	var rows []row
	for _, l := range list {
		r := row{what: l.what, digits: 1, goal: l.goal}
		var errs [3]error
		r.agent, errs[0] = l.measure.median(ctx, b.agent, b.tries)
		r.script, errs[1] = l.measure.median(ctx, b.script, l.scriptTries)
		r.pub, errs[2] = l.measure.median(ctx, b.pub, l.pubTries)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("%s: %w", l.what, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// A latency is a duration that can be measured of a contender.
type latency func(context.Context, contender) (time.Duration, error)

// median is in milliseconds.
func (l latency) median(ctx context.Context, c contender, tries int) (float64, error) {
	var v []float64
	for range tries {
		d, err := l(ctx, c)
		if err != nil {
			return none, err
		}
		v = append(v, ms(d))
	}
	return median(v), nil
}

// firstMessage returns the time from exec to the first message at a
// subscriber.
func (b *bench) firstMessage(ctx context.Context, c contender) (time.Duration, error) {
	in, err := subscribe(ctx, b.broker.port, valueTopic)
	if err != nil {
		return 0, err
	}
	defer in.close()
	p, err := c(ctx, b.broker.port, 10*time.Second, 1)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	t, err := in.next(startPatience)
	if err != nil {
		return 0, p.explain(err)
	}
	return t.Sub(p.started), nil
}

// The lines of mosquitto's log that tell of a reading and its acknowledgement.
var (
	receivedLine = regexp.MustCompile(`Received PUBLISH from (\S+) \(d0, q1, r0, (m\d+), '` + valueTopic + `'`)
	ackedLine    = regexp.MustCompile(`Sending PUBACK to (\S+) \((m\d+),`)
)

// firstAck returns the time from exec to the broker's acknowledgement of the
// first reading. Only the broker can tell, so one with a talkative log is run
// for it, which is slower than one that is silent.
func (b *bench) firstAck(ctx context.Context, c contender) (time.Duration, error) {
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	log, out, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer log.Close()
	broker, err := b.startBroker(ctx, port, "debug", out)
	out.Close()
	if err != nil {
		return 0, err
	}
	defer broker.stop()
	p, err := c(ctx, port, 10*time.Second, 1)
	if err != nil {
		return 0, err
	}
	defer p.stop()

	if err := log.SetReadDeadline(p.started.Add(startPatience)); err != nil {
		return 0, err
	}
	var reading string // client and message id of the first one
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		now := time.Now()
		if m := receivedLine.FindStringSubmatch(lines.Text()); m != nil && reading == "" {
			reading = m[1] + m[2]
		}
		if m := ackedLine.FindStringSubmatch(lines.Text()); m != nil && m[1]+m[2] == reading {
			return now.Sub(p.started), nil
		}
	}
	return 0, p.explain(fmt.Errorf("the broker acknowledged no reading (%v)", lines.Err()))
}

// retune returns how long a new interval takes to show: from the command to
// the first message after it. The command is given right after a message,
// where the longest wait begins.
func (b *bench) retune(ctx context.Context, c contender, from, to time.Duration) (time.Duration, error) {
	in, err := subscribe(ctx, b.broker.port, valueTopic)
	if err != nil {
		return 0, err
	}
	defer in.close()
	p, err := c(ctx, b.broker.port, from, 1)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	if _, err := in.next(startPatience); err != nil {
		return 0, p.explain(err)
	}
	sent := time.Now()
	if err := in.publish(intervalTopic, fmt.Sprint(to.Seconds())); err != nil {
		return 0, err
	}
	t, err := in.next(from + startPatience)
	if err != nil {
		return 0, p.explain(err)
	}
	return t.Sub(sent), nil
}

package main

import (
	"bytes"
	"context"
	"time"
)

// floods measures how fast messages go out when nothing paces them. The agent
// has a sampling grid, so it does that only with what an outage has left.
func (b *bench) floods(ctx context.Context) ([]row, error) {
	rows := []row{
		{what: "messages a second unpaced, QoS 0", agent: none},
		{what: "messages a second unpaced, QoS 1", goal: atLeastPub(0.9)},
		{what: "live reading beside that backlog, p50, ms", digits: 1, script: none, pub: none},
	}
	for qos := range 2 {
		r := &rows[qos]
		var script, pub []float64
		for range b.rounds {
			s, err := b.flood(ctx, b.script, qos)
			if err != nil {
				return nil, err
			}
			p, err := b.flood(ctx, b.pubLines, qos)
			if err != nil {
				return nil, err
			}
			script, pub = append(script, s), append(pub, p)
		}
		r.script, r.pub = median(script), median(pub)
	}
	var err error
	rows[1].agent, rows[2].agent, err = b.drain(ctx)
	return rows, err
}

// flood returns the messages a second that arrive from a contender that does
// not wait between them.
func (b *bench) flood(ctx context.Context, c contender, qos int) (float64, error) {
	in, err := subscribe(ctx, b.broker.port, valueTopic)
	if err != nil {
		return 0, err
	}
	defer in.close()
	p, err := c(ctx, b.broker.port, 0, qos)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	return p.rate(in, b.flooded)
}

// drain returns the messages a second that arrive from the agent when its
// broker comes back after an outage, and how long the readings taken meanwhile
// are on their way, in milliseconds.
func (b *bench) drain(ctx context.Context) (rate, live float64, err error) {
	const interval = time.Millisecond // the shortest there is
	port, err := freePort()
	if err != nil {
		return 0, 0, err
	}
	p, err := b.agent(ctx, port, interval, 1)
	if err != nil {
		return 0, 0, err
	}
	defer p.stop()
	select {
	case <-time.After(time.Duration(b.flooded) * interval):
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	broker, err := b.startBroker(ctx, port, "error", b.log)
	if err != nil {
		return 0, 0, err
	}
	defer broker.stop()
	// At once, to be there before the agent asks for its broker again.
	in, err := subscribe(ctx, port, valueTopic)
	if err != nil {
		return 0, 0, err
	}
	defer in.close()
	var delays []float64
	first, err := in.next(startPatience)
	last := first
	for i := 1; err == nil && i < b.flooded; i++ {
		if last, err = in.next(startPatience); err == nil && !bytes.Contains(in.body, []byte(`"replay"`)) {
			delays = append(delays, delay(in.body, last))
		}
	}
	if err != nil {
		return 0, 0, p.explain(err)
	}
	return float64(b.flooded-1) / last.Sub(first).Seconds(), median(delays), nil
}

// delay is how many milliseconds before its arrival a message says that it was
// measured; none if it does not say.
func delay(body []byte, arrived time.Time) float64 {
	_, after, found := bytes.Cut(body, []byte(`"timestamp":"`))
	text, _, _ := bytes.Cut(after, []byte(`"`))
	measured, err := time.Parse(time.RFC3339, string(text))
	if !found || err != nil {
		return none
	}
	return float64(arrived.Sub(measured)) / float64(time.Millisecond)
}

// rate returns messages a second over the next n that p sends.
func (p *process) rate(in *client, n int) (float64, error) {
	first, err := in.next(startPatience)
	last := first
	for i := 1; err == nil && i < n; i++ {
		last, err = in.next(startPatience)
	}
	if err != nil {
		return 0, p.explain(err)
	}
	return float64(n-1) / last.Sub(first).Seconds(), nil
}

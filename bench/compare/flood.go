package main

import (
	"context"
	"time"
)

// floods measures how fast messages go out when nothing paces them. The agent
// has a sampling grid, so it does that only with what an outage has left.
func (b *bench) floods(ctx context.Context) ([]row, error) {
	rows := []row{
		{what: "messages a second unpaced, QoS 0", agent: none},
		{what: "messages a second unpaced, QoS 1", goal: atLeastPub(0.9)},
	}
	for qos := range rows {
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
	rows[1].agent, err = b.drain(ctx)
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
// broker comes back after an outage.
func (b *bench) drain(ctx context.Context) (float64, error) {
	const interval = time.Millisecond // the shortest there is
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	p, err := b.agent(ctx, port, interval, 1)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	select {
	case <-time.After(time.Duration(b.flooded) * interval):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	broker, err := b.startBroker(ctx, port, "error", b.log)
	if err != nil {
		return 0, err
	}
	defer broker.stop()
	// At once, to be there before the agent asks for its broker again.
	in, err := subscribe(ctx, port, valueTopic)
	if err != nil {
		return 0, err
	}
	defer in.close()
	return p.rate(in, b.flooded)
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

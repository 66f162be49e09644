package main

import (
	"context"
	"time"
)

// floods measures how fast messages go out when nothing paces them.
func (b *bench) floods(ctx context.Context) ([]row, error) {
	rows := []row{
		{what: "messages a second unpaced, QoS 0", agent: none},
		{what: "messages a second unpaced, QoS 1: a backlog", goal: atLeastPub(0.9)},
	}
	var err error
	for qos := range rows {
		if rows[qos].script, err = b.flood(ctx, b.script, qos); err != nil {
			return nil, err
		}
		if rows[qos].pub, err = b.flood(ctx, b.pub, qos); err != nil {
			return nil, err
		}
	}
	rows[1].agent, err = b.drain(ctx)
	return rows, err
}

// flood returns the messages a second that arrive from a contender that does
// not wait between them.
func (b *bench) flood(ctx context.Context, c contender, qos int) (float64, error) {
	in, err := subscribe(b.broker.port, valueTopic)
	if err != nil {
		return 0, err
	}
	defer in.close()
	p, err := c(ctx, b.broker.port, 0, qos)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	rate, err := in.rate(b.flooded)
	if err != nil {
		return 0, p.explain(err)
	}
	return rate, nil
}

// drain returns the messages a second that arrive from the agent when its
// broker comes back, which is when it sends as fast as it can.
func (b *bench) drain(ctx context.Context) (float64, error) {
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	p, err := b.agent(ctx, port, time.Millisecond, 1)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	select {
	case <-time.After(b.outage):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	broker, err := b.startBroker(ctx, port, "error", b.log)
	if err != nil {
		return 0, err
	}
	defer broker.stop()
	// At once, to be there before the agent asks for its broker again.
	in, err := subscribe(port, valueTopic)
	if err != nil {
		return 0, err
	}
	defer in.close()
	held := int(b.outage / time.Millisecond)
	rate, err := in.rate(held * 9 / 10)
	if err != nil {
		return 0, p.explain(err)
	}
	return rate, nil
}

// rate returns messages a second, over the next n.
func (c *client) rate(n int) (float64, error) {
	first, err := c.next(startPatience)
	last := first
	for i := 1; err == nil && i < n; i++ {
		last, err = c.next(startPatience)
	}
	return float64(n-1) / last.Sub(first).Seconds(), err
}

package main

import (
	"context"
	"fmt"
	"time"
)

// steady measures what goes on all day.
func (b *bench) steady(ctx context.Context) ([]row, error) {
	calm, err := b.pair(ctx, 100*time.Millisecond, 0, b.rounds, b.window)
	if err != nil {
		return nil, err
	}
	fast, err := b.pair(ctx, 10*time.Millisecond, 0, b.rounds, b.window)
	if err != nil {
		return nil, err
	}
	safe, err := b.pair(ctx, 10*time.Millisecond, 1, b.rounds, b.window)
	if err != nil {
		return nil, err
	}
	// Long enough for Go's heap to grow to the size it keeps.
	hasty, err := b.pair(ctx, time.Millisecond, 0, 1, b.long)
	if err != nil {
		return nil, err
	}
	const cpu = "CPU per 1000 readings, "
	due := fast.agent.due()
	return []row{
		calm.row(cpu+"QoS 0, 10 Hz, ms", 0, windows.cpu, atMostScript(0.6)),
		fast.row(cpu+"QoS 0, 100 Hz, ms", 0, windows.cpu, atMostScript(0.6)),
		safe.row(cpu+"QoS 1, 100 Hz, ms", 0, windows.cpu, atMostScript(0.75)),
		hasty.row("memory (PSS) after 1 kHz, MB", 1, windows.pss, atMostScript(0.5).and(atMost(10, "MB"))),
		hasty.row("of that, dirty, MB", 1, windows.dirty, atMostScript(0.5)),
		fast.row("100 Hz: gap off 10 ms, p50, µs", 0, windows.gapError, atMost(30, "µs")),
		fast.row(fmt.Sprintf("100 Hz: readings of %d", due), 0, windows.came, atLeast(float64(due))),
		fast.row("100 Hz: drift, %", 2, windows.drift, atMost(0.01, "%")),
		hasty.row("1 kHz: delivered of 1000", 1, windows.delivered, atLeast(999)),
	}, nil
}

// pair is the agent and the script doing the same.
type pair struct{ agent, script windows }

// pair looks at both in turns, so that whatever disturbs the machine for a
// while disturbs both.
func (b *bench) pair(ctx context.Context, interval time.Duration, qos, rounds int, length time.Duration) (p pair, err error) {
	for range rounds {
		a, err := b.watch(ctx, b.agent, interval, qos, length)
		if err != nil {
			return p, err
		}
		s, err := b.watch(ctx, b.script, interval, qos, length)
		if err != nil {
			return p, err
		}
		p.agent, p.script = append(p.agent, a), append(p.script, s)
	}
	return p, nil
}

// row makes a row of one figure of both.
func (p pair) row(what string, digits int, figure func(windows) float64, g goal) row {
	return row{what: what, digits: digits, agent: figure(p.agent), script: figure(p.script), pub: none, goal: g}
}

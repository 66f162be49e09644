package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"sensor-agent/internal/clock"
	"sensor-agent/internal/config"
	"sensor-agent/publisher"
	"sensor-agent/publisher/outbox"
)

// openOutbox opens the outbox where the configuration has it. A directory that
// cannot be used is no reason not to sample: the outbox is then in memory until
// it can. One that another agent uses is: both would send the same readings.
func openOutbox(c *config.Config, log *slog.Logger) (*outbox.Queue, error) {
	if c.Outbox.Dir == "" {
		return outbox.InMemory(int(c.Outbox.MaxSize)), nil
	}
	o := outbox.Options{MaxSize: int64(c.Outbox.MaxSize), Sync: outbox.Sync(c.Outbox.Sync), Log: log}
	q, err := outbox.Open(c.Outbox.Dir, o)
	if errors.Is(err, outbox.ErrInUse) {
		return nil, &exitError{exitUnavailable, err}
	}
	if err != nil {
		log.Error("messages are held in memory only, until the directory can be used", "err", err)
		q = outbox.OpenLater(c.Outbox.Dir, o)
	}
	return q, nil
}

func closeOutbox(q *outbox.Queue, log *slog.Logger) {
	held := q.Stats().Held
	if err := q.Close(); err != nil {
		log.Error("closing the outbox", "err", err)
	}
	if held > 0 {
		log.Info("messages wait in the outbox for the next start", "held", held)
	}
}

// newClock returns the clock the configuration asks for.
func newClock(c *config.Config, log *slog.Logger) *clock.Clock {
	path := ""
	if c.Outbox.Dir != "" {
		path = filepath.Join(c.Outbox.Dir, "clock.json")
	}
	wall, err := clock.New(clock.Trust(c.Clock), path)
	if err != nil {
		log.Warn("the time of readings from before the last boot may be off", "err", err)
	}
	if !wall.Synced() {
		log.Warn(clock.NotSet)
	}
	return wall
}

// watchClock tells of the clock being set or moved, until ctx ends.
func watchClock(ctx context.Context, wall *clock.Clock, p *publisher.Publisher, log *slog.Logger) error {
	t := time.NewTimer(time.Second)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
		change, changed, err := wall.Check()
		if err != nil {
			log.Warn("the time of this boot is not kept", "err", err)
		}
		if changed {
			log.Info("the clock was changed", "set", change.Set, "shift", change.Shift)
			p.ClockChanged(change)
		}
		if wall.Synced() {
			t.Reset(10 * time.Second)
		} else {
			t.Reset(2 * time.Second)
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"sensor-agent/internal/clock"
	"sensor-agent/internal/config"
	"sensor-agent/publisher"
	"sensor-agent/publisher/outbox"
)

func outboxCommand() *subcommand {
	return &subcommand{
		name:    "outbox",
		args:    "status | dump | drop [--config FILE] [--dir DIR]",
		summary: "looks into the outbox, with the agent running or not",
		help: `status counts what waits for the broker, dump prints it as it would be
published, oldest first. Neither disturbs an agent that runs; what it writes
meanwhile may be missed. drop gives up all that waits: end the agent first.`,
		run: runOutbox,
	}
}

func runOutbox(_ context.Context, e *env, args []string) error {
	var s settings
	f := e.flags()
	s.register(f)
	s.override(f, "dir", "outbox.dir", "`DIR` of the outbox instead of the configured one")
	if err := e.parse(f, args, 1); err != nil {
		return err
	}
	c, err := s.loadForTools()
	if err != nil {
		return err
	}
	switch f.Arg(0) {
	case "status":
		err = outboxStatus(e, c)
	case "dump":
		err = outboxDump(e, c)
	case "drop":
		err = outboxDrop(e, c)
	default:
		return usageError("outbox: write status, dump or drop: see `sensor-agent help outbox`")
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		fmt.Fprintf(e.stdout, "no outbox in %s\n", c.Outbox.Dir)
		return nil
	case errors.Is(err, outbox.ErrInUse):
		return &exitError{exitUnavailable, err}
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: it is for the agent's user alone: run this with sudo", err)
	}
	return err
}

func outboxStatus(e *env, c *config.Config) error {
	sum, err := outbox.Inspect(c.Outbox.Dir, nil)
	if err != nil {
		return err
	}
	end := "ended cleanly"
	if !sum.Clean {
		end = "is running or was cut off"
	}
	fmt.Fprintf(e.stdout, "directory  %s\nwaiting    %d messages\nepoch      %d, up to seq %d; %s\nfiles      %d in use, %d spare\n",
		c.Outbox.Dir, sum.Held, sum.Epoch, sum.LastSeq, end, sum.Segments, sum.Spare)
	if sum.Damaged > 0 || sum.SkippedBytes > 0 {
		fmt.Fprintf(e.stdout, "damage     %d messages lost, %d bytes unreadable\n", sum.Damaged, sum.SkippedBytes)
	}
	return nil
}

func outboxDump(e *env, c *config.Config) error {
	wall, err := clock.New(clock.Trust(c.Clock), "")
	if err != nil {
		return err
	}
	_, err = outbox.Inspect(c.Outbox.Dir, func(r outbox.Record, acknowledged bool) {
		if acknowledged {
			return
		}
		topic, payload, err := publisher.Decode(r, c.Device, publisher.Timestamp(c.Message.Timestamp), wall)
		if err != nil {
			fmt.Fprintf(e.stdout, "epoch %d seq %d: %v\n", r.Epoch, r.Seq, err)
			return
		}
		fmt.Fprintf(e.stdout, "%s %s\n", topic, printable(payload))
	})
	return err
}

func outboxDrop(e *env, c *config.Config) error {
	n, err := outbox.Drop(c.Outbox.Dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%d messages dropped\n", n)
	return nil
}

package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"strings"

	"sensor-agent/publisher"
)

func pubCommand() *subcommand {
	return &subcommand{
		name:    "pub",
		args:    "-t TOPIC [-m MESSAGE] [-r]",
		summary: "publishes a message, or each line of standard input",
		help: `Each message is sent with QoS 1 and waited for.

    sensor-agent pub -t iot/topic/interval -m 2s
    sensor-agent pub -t iot/topic/interval        # then type: 5, Enter, 500ms, Enter`,
		run: pub,
	}
}

func pub(ctx context.Context, e *env, args []string) error {
	var s settings
	f := e.flags()
	s.toolFlags(f)
	topic := f.String("t", "", "`TOPIC` to publish to")
	message := f.String("m", "", "`MESSAGE` to publish; without it, the lines of standard input")
	retain := f.Bool("r", false, "have the broker keep it for later subscribers (an empty message deletes what it keeps)")
	if err := e.parse(f, args, 0); err != nil {
		return err
	}
	if *topic == "" {
		return usageError("pub: -t TOPIC is missing")
	}
	if strings.ContainsAny(*topic, "+#") {
		return usageError("pub: the topic %s has a wildcard, which only a subscriber can use", *topic)
	}
	given := false
	f.Visit(func(g *flag.Flag) { given = given || g.Name == "m" })

	conn, _, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if given {
		return send(ctx, conn, *topic, *retain, []byte(*message))
	}
	lines := make(chan []byte)
	failed := make(chan error, 1)
	go func() { // ends with the process: a read from a terminal cannot be interrupted
		in := bufio.NewScanner(e.stdin)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			lines <- append([]byte(nil), in.Bytes()...)
		}
		failed <- in.Err()
	}()
	for {
		select {
		case line := <-lines:
			if err := send(ctx, conn, *topic, *retain, line); err != nil {
				return err
			}
		case err := <-failed:
			if err != nil {
				return fmt.Errorf("reading standard input: %w", err)
			}
			return nil
		case err := <-conn.Lost():
			return &exitError{exitUnavailable, fmt.Errorf("connection lost: %w", err)}
		case <-ctx.Done():
			return nil
		}
	}
}

func send(ctx context.Context, conn *publisher.Conn, topic string, retain bool, message []byte) error {
	if err := conn.Send(ctx, topic, 1, retain, message); err != nil {
		return &exitError{exitUnavailable, fmt.Errorf("publishing to %s: %w", topic, err)}
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"unicode"
	"unicode/utf8"

	"sensor-agent/publisher"
)

func subCommand() *subcommand {
	return &subcommand{
		name:    "sub",
		args:    "[-t TOPIC]… [-v]",
		summary: "prints what is published, one line a message",
		help: `Topics may have wildcards: iot/+/state, iot/#. Without -t it is iot/#.

    sensor-agent sub -t iot/sensor/value --broker tcp://192.168.1.10:1883`,
		run: sub,
	}
}

func sub(ctx context.Context, e *env, args []string) error {
	var s settings
	var topics []string
	f := e.flags()
	s.toolFlags(f)
	f.Func("t", "`TOPIC` to subscribe to; can be given several times", func(t string) error {
		topics = append(topics, t)
		return nil
	})
	verbose := f.Bool("v", false, "print QoS and the retain flag as well")
	if err := e.parse(f, args, 0); err != nil {
		return err
	}
	if len(topics) == 0 {
		topics = []string{"iot/#"}
	}
	conn, _, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, t := range topics {
		err := conn.Subscribe(ctx, t, func(r publisher.Received) { printReceived(e.stdout, r, *verbose) })
		if err != nil {
			return &exitError{exitUnavailable, err}
		}
	}
	select {
	case err := <-conn.Lost():
		return &exitError{exitUnavailable, fmt.Errorf("connection lost: %w", err)}
	case <-ctx.Done():
		return nil
	}
}

func printReceived(w io.Writer, r publisher.Received, verbose bool) {
	if verbose {
		retained := ""
		if r.Retained {
			retained = ", retained"
		}
		fmt.Fprintf(w, "%s (QoS %d%s) %s\n", r.Topic, r.QoS, retained, printable(r.Payload))
		return
	}
	fmt.Fprintf(w, "%s %s\n", r.Topic, printable(r.Payload))
}

// printable returns text as it is, and what would upset a terminal quoted.
func printable(payload []byte) string {
	s := string(payload)
	if !utf8.ValidString(s) {
		return strconv.Quote(s)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) && r != '\t' {
			return strconv.Quote(s)
		}
	}
	return s
}

package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"sync"
	"unicode"
	"unicode/utf8"

	"sensor-agent/internal/consumer"
	"sensor-agent/publisher"
)

func subCommand() *subcommand {
	return &subcommand{
		name:    "sub",
		args:    "[-t TOPIC]… [-v | --check]",
		summary: "prints what is published, one line a message",
		help: `Topics may have wildcards: iot/+/state, iot/#. Without -t it is iot/#.

With --check it prints what is missing, came twice or out of order instead,
and a summary when it is ended; the exit code is 1 if something is missing. It
has to hear all of a device's JSON streams and its events for that.

    sensor-agent sub -t iot/sensor/value --broker tcp://192.168.1.10:1883
    sensor-agent sub --check`,
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
	check := f.Bool("check", false, "print what is missing, double or out of order, instead of the messages")
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
	receive := func(r publisher.Received) { printReceived(e.stdout, r, *verbose) }
	var mu sync.Mutex // the connection calls receive, this goroutine sums up
	var checker consumer.Checker
	if *check {
		receive = func(r publisher.Received) {
			mu.Lock()
			defer mu.Unlock()
			for _, line := range checker.Receive(r.Payload) {
				fmt.Fprintln(e.stdout, line)
			}
		}
	}
	for _, t := range topics {
		if err := conn.Subscribe(ctx, t, receive); err != nil {
			return &exitError{exitUnavailable, err}
		}
	}
	select {
	case err = <-conn.Lost():
		err = &exitError{exitUnavailable, fmt.Errorf("connection lost: %w", err)}
	case <-ctx.Done():
	}
	if *check {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprint(e.stdout, checker.Summary())
		if err == nil && checker.Counts().Missing > 0 {
			return &exitError{code: exitFailure}
		}
	}
	return err
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

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"sensor-agent/control"
	"sensor-agent/publisher"
)

func intervalCommand() *subcommand {
	return &subcommand{
		name:    "interval",
		args:    "INTERVAL [--stream S] [--device D] [--for TIME]",
		summary: "gives running agents a new interval and waits for their answer",
		help: `INTERVAL is 5 or 0.5 (seconds), 500ms, 2m, or default for the configured one.
It is for every stream of every agent that hears it, unless --stream or
--device say otherwise. With --for the former interval returns after that time.

    sensor-agent interval 500ms --for 10m
    sensor-agent interval default`,
		run: interval,
	}
}

// How long interval waits: for the first answer, and then for those of other
// devices.
const (
	answerTimeout = 5 * time.Second
	moreAnswers   = 500 * time.Millisecond
)

func interval(ctx context.Context, e *env, args []string) error {
	var s settings
	f := e.flags()
	s.toolFlags(f)
	stream := f.String("stream", "", "only this `STREAM`")
	device := f.String("device", "", "only this `DEVICE`")
	lease := f.String("for", "", "`TIME` after which the former interval returns: 10m")
	if err := e.parse(f, args, 1); err != nil {
		return err
	}
	operand := f.Arg(0)
	if operand == "" {
		return usageError("interval: which? For example: sensor-agent interval 2s")
	}

	id := fmt.Sprintf("%08x", rand.Uint32())
	command := map[string]string{"interval": operand, "id": id}
	for key, value := range map[string]string{"stream": *stream, "device": *device, "for": *lease} {
		if value != "" {
			command[key] = value
		}
	}
	payload, err := json.Marshal(command)
	if err != nil {
		return err
	}
	conn, c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if c.Control.Topic == "" {
		return &exitError{exitConfig, fmt.Errorf("remote control is off in this configuration (control.topic is empty)")}
	}
	answers := make(chan publisher.Received, 256)
	filter, err := s.ackFilter(*device)
	if err != nil {
		return err
	}
	err = conn.Subscribe(ctx, filter, func(r publisher.Received) {
		select {
		case answers <- r:
		default:
		}
	})
	if err != nil {
		return &exitError{exitUnavailable, err}
	}
	if err := send(ctx, conn, c.Control.Topic, false, payload); err != nil {
		return err
	}
	return await(ctx, e.stdout, conn, answers, id, *device != "")
}

// ackFilter is where the answers of a device arrive, or of every device: the
// configured topic with that in the place of the configuration's own device.
func (s *settings) ackFilter(device string) (string, error) {
	const anybody = "any-device"
	other := *s
	other.overrides = maps.Clone(s.overrides)
	other.overrides["device"] = anybody
	c, err := other.loadForTools()
	if err != nil {
		return "", err
	}
	levels := strings.Split(c.Topics.Ack, "/")
	for i, l := range levels {
		switch {
		case device != "":
			levels[i] = strings.ReplaceAll(l, anybody, device)
		case strings.Contains(l, anybody):
			levels[i] = "+"
		}
	}
	return strings.Join(levels, "/"), nil
}

// await prints the answers with the command's id until no more are expected.
func await(ctx context.Context, w io.Writer, conn *publisher.Conn, answers <-chan publisher.Received, id string, single bool) error {
	deadline := time.NewTimer(answerTimeout)
	defer deadline.Stop()
	answered, rejected := 0, 0
	for {
		select {
		case r := <-answers:
			var a control.Ack
			if json.Unmarshal(r.Payload, &a) != nil || a.ID != id {
				continue
			}
			answered++
			if a.Result != control.Applied {
				rejected++
			}
			fmt.Fprintf(w, "%s: %s\n", r.Topic, describeAck(a))
			deadline.Reset(moreAnswers)
			if !single {
				continue
			}
		case <-deadline.C:
		case err := <-conn.Lost():
			return &exitError{exitUnavailable, fmt.Errorf("connection lost: %w", err)}
		case <-ctx.Done():
			return &exitError{code: exitFailure}
		}
		switch {
		case answered == 0:
			return &exitError{exitUnavailable, fmt.Errorf("no agent has answered within %v: is one running, connected to this broker and listening on the same topic?", answerTimeout)}
		case rejected > 0:
			return &exitError{code: exitFailure}
		}
		return nil
	}
}

func describeAck(a control.Ack) string {
	var b strings.Builder
	b.WriteString(a.Result)
	if a.Reason != "" {
		b.WriteString(": " + a.Reason)
	}
	inForce := a.Intervals
	if len(inForce) == 0 && a.Interval > 0 {
		inForce = map[string]float64{a.Stream: a.Interval}
	}
	for i, name := range slices.Sorted(maps.Keys(inForce)) {
		separator := ", "
		if i == 0 {
			separator = "; in force: "
		}
		d := time.Duration(inForce[name] * float64(time.Second))
		fmt.Fprintf(&b, "%s%s %v", separator, name, d)
	}
	if a.Until != "" {
		b.WriteString(" until " + a.Until)
	}
	return b.String()
}

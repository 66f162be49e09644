package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"syscall"

	"sensor-agent/internal/broker"
	"sensor-agent/internal/config"
	"sensor-agent/publisher"
)

// demoPort is where MQTT clients look for a broker.
const demoPort = 1883

// The clock is believed, as a laptop's is set, and a container asks its kernel
// in vain.
const demoConfig = `
sensors:
  - {name: sim, driver: simulated}
control: {remember: false}
clock: always
`

func demoCommand() *subcommand {
	return &subcommand{
		name:    "demo",
		summary: "runs simulated sensors with a broker of its own, and prints each message",
		help:    "It needs no configuration, no hardware and no installed broker.",
		run: func(ctx context.Context, e *env, args []string) error {
			f := e.flags()
			if err := e.parse(f, args, 0); err != nil {
				return err
			}
			return demo(ctx, e)
		},
	}
}

func demo(ctx context.Context, e *env) error {
	b, err := broker.Start(demoPort)
	if errors.Is(err, syscall.EADDRINUSE) {
		fmt.Fprintf(e.stdout, "Port %d is taken, so another is used.\n", demoPort)
		b, err = broker.Start(0)
	}
	if err != nil {
		return fmt.Errorf("starting a broker on loopback: %w", err)
	}
	defer b.Close()

	s := settings{overrides: map[string]string{"mqtt.brokers": b.URL(), "log.level": "warn"}}
	c, err := config.Parse("demo", []byte(demoConfig), s.environment())
	if err != nil {
		return &exitError{exitConfig, err}
	}
	c.Outbox.Dir = "" // a demo leaves nothing behind
	l, err := login(c, s.environment(), "")
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, `A broker and an agent with simulated sensors are running. Ctrl-C ends both.

  broker          %s
  messages        %s
  new interval    bin/sensor-agent interval 200ms --broker %s
            or    mosquitto_pub -p %s -t %s -m 0.2

`, b.URL(), c.Streams[0].Topic, b.URL(), c.MQTT.Brokers[0].URL.Port(), c.Control.Topic)

	viewer, err := view(ctx, e, c, b)
	if err != nil {
		return err
	}
	defer viewer.Close()
	return run(ctx, c, l, newLog(e.stderr, c.Log))
}

// view prints what a subscriber receives, until it is closed.
func view(ctx context.Context, e *env, c *config.Config, b *broker.Broker) (*publisher.Conn, error) {
	u, err := url.Parse(b.URL())
	if err != nil {
		return nil, err
	}
	conn, err := publisher.Connect(ctx, u, publisher.Login{ClientID: "demo"})
	if err != nil {
		return nil, err
	}
	for _, topic := range []string{c.Streams[0].Topic, c.Topics.Ack} {
		if err := conn.Subscribe(ctx, topic, func(r publisher.Received) { printReceived(e.stdout, r, false) }); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

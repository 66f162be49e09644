package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"

	"sensor-agent/internal/config"
	"sensor-agent/publisher"
)

// toolFlags are the flags of the small MQTT tools.
func (s *settings) toolFlags(f *flag.FlagSet) {
	s.register(f)
	s.registerBroker(f)
	s.override(f, "username", "mqtt.username", "`USER` to log in as")
	s.override(f, "password-file", "mqtt.password_file", "`FILE` that holds the password")
	s.override(f, "ca-file", "mqtt.tls.ca_file", "`FILE` with the authority of the broker's certificate, PEM")
	s.override(f, "cert-file", "mqtt.tls.cert_file", "`FILE` with the client certificate, PEM")
	s.override(f, "key-file", "mqtt.tls.key_file", "`FILE` with its key, PEM")
}

// connect connects a tool to the first of the configured brokers that answers.
func (s *settings) connect(ctx context.Context) (*publisher.Conn, *config.Config, error) {
	c, err := s.loadForTools()
	if err != nil {
		return nil, nil, err
	}
	l, err := login(c, s.environment(), fmt.Sprintf("tool-%06x", rand.N(1<<24)))
	if err != nil {
		return nil, nil, err
	}
	var errs []error
	for _, b := range c.MQTT.Brokers {
		conn, err := publisher.Connect(ctx, b.URL, l)
		if err == nil {
			return conn, c, nil
		}
		errs = append(errs, err)
	}
	err = errors.Join(errs...)
	if errors.Is(err, publisher.ErrLogin) {
		return nil, nil, &exitError{exitPermission, err}
	}
	return nil, nil, &exitError{exitUnavailable, err}
}

package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// TimestampDirectives are the letters that can follow % in a strftime pattern
// for message.timestamp: those the publisher knows. They mean what they mean in
// C (C17 7.27.3.5); %f is Python's microseconds.
const TimestampDirectives = "YmdHMSjyfzZsTFBbaAIp%"

const (
	minOutbox = 64 << 10
	maxOutbox = 1 << 40
	maxDrain  = 100_000 // messages a second, more than a Pi publishes
)

// check refuses what is well formed but cannot be. Types and choices have been
// checked by decoding, sensors against their drivers by decoder.sensors.
func (c *Config) check(r *report) {
	c.checkMQTT(r)
	c.checkTopics(r)
	c.checkSensors(r)
	c.checkStreams(r)
	c.checkControl(r)
	c.checkOutbox(r)
	c.checkTimestamp(r)
	c.checkListen(r)
}

func (c *Config) checkMQTT(r *report) {
	m := c.MQTT
	if len(m.Brokers) == 0 {
		r.fail("mqtt.brokers", "there is no broker", "write [tcp://127.0.0.1:1883], or leave the key out for that")
	}
	if m.PasswordFile != "" && !m.hasUser() {
		r.fail("mqtt.password_file", "MQTT has no password without a user name", "write username too")
	}
	if (m.TLS.CertFile == "") != (m.TLS.KeyFile == "") {
		r.fail("mqtt.tls", "a client certificate needs cert_file and key_file", "write both or none")
	}
}

// hasUser reports whether the agent gives any broker a user name.
func (m MQTT) hasUser() bool {
	return m.Username != "" || slices.ContainsFunc(m.Brokers, func(b Broker) bool {
		return b.URL != nil && b.URL.User.Username() != ""
	})
}

func (c *Config) checkControl(r *report) {
	before := r.fails
	checkInterval(r, "control.min", c.Control.Min)
	checkInterval(r, "control.max", c.Control.Max)
	if r.fails == before && c.Control.Min > c.Control.Max {
		r.fail("control.min", fmt.Sprintf("%s is above the maximum %s", formatDuration(c.Control.Min), formatDuration(c.Control.Max)),
			"write min below max")
	}
}

func (c *Config) checkOutbox(r *report) {
	if size := c.Outbox.MaxSize; size < minOutbox || size > maxOutbox {
		r.fail("outbox.max_size", fmt.Sprintf("%v is not a size the outbox can have", size),
			fmt.Sprintf("write one from %v to %v", Size(minOutbox), Size(maxOutbox)))
	}
	if c.Outbox.Drain < 0 || c.Outbox.Drain > maxDrain {
		r.fail("outbox.drain", fmt.Sprintf("%d messages a second cannot be", c.Outbox.Drain),
			fmt.Sprintf("write 1 to %d, or 0 for no limit", maxDrain))
	}
}

func (c *Config) checkTimestamp(r *report) {
	const path = "message.timestamp"
	text := c.Message.Timestamp
	words := []string{"rfc3339", "unix", "unix_ms"}
	if slices.Contains(words, text) {
		return
	}
	const form = "a strftime pattern such as %Y-%m-%d-%H-%M"
	if !strings.Contains(text, "%") {
		r.fail(path, quote(text)+" is not a form of timestamp", suggest(text, words, "write "+form+", or one of"))
		return
	}
	if len(text) > maxName {
		r.fail(path, fmt.Sprintf("the pattern is longer than %d bytes", maxName), "write "+form)
	}
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "%")
		if !found {
			return
		}
		if after == "" || !strings.Contains(TimestampDirectives, after[:1]) {
			r.fail(path, quote(text)+" has an unknown directive "+quote("%"+firstRune(after)),
				"known: %"+strings.Join(strings.Split(TimestampDirectives, ""), " %"))
			return
		}
		rest = after[1:]
	}
}

func firstRune(s string) string {
	for _, c := range s {
		return string(c)
	}
	return ""
}

func (c *Config) checkListen(r *report) {
	listen := c.Web.Listen
	if listen == "" {
		return
	}
	_, port, err := net.SplitHostPort(listen)
	number, portErr := strconv.Atoi(port)
	if err != nil || portErr != nil || number < 0 || number > 65535 {
		hint := "write 127.0.0.1:8080 for this machine only, or :8080 for all that reach it"
		r.fail("web.listen", quote(listen)+" is not a host and port", hint)
	}
}

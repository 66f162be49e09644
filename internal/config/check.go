package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// TimestampDirectives are the letters that can follow % in a strftime pattern
// for message.timestamp, with their meaning in C and Python: %f is the
// microsecond in six digits, %s the seconds since 1970, %% a percent sign.
const TimestampDirectives = "YmdHMSjyfzZs%"

const (
	minOutbox   = 4 << 20 // a few segments of the outbox
	maxOutbox   = 1 << 40
	maxDrain    = 100_000 // messages a second, more than a Pi publishes
	maxTextSize = 65535   // bytes of a text in MQTT (MQTT 3.1.1, 1.5.3)
)

// check refuses what is well formed but cannot be. Types and choices have been
// checked by decoding, sensors against their drivers by decoder.sensors.
func (c *Config) check(r *report) {
	if problem, hint := badLevel(c.Device); problem != "" {
		r.fail("device", problem, hint)
	}
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
	checkText(r, "mqtt.client_id", m.ClientID)
	checkText(r, "mqtt.username", m.Username)
	if m.PasswordFile != "" && !m.hasUser() {
		r.fail("mqtt.password_file", "MQTT has no password without a user name", "write username too")
	}
	if (m.TLS.CertFile == "") != (m.TLS.KeyFile == "") {
		r.fail("mqtt.tls", "a client certificate needs cert_file and key_file", "write both or none")
	}
}

// checkText accepts what MQTT can carry and a log can show.
func checkText(r *report, path, text string) {
	if !printable(text) || len(text) > maxTextSize {
		r.fail(path, "the text is too long or cannot be printed", "write plain text")
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
	if c.Outbox.Dir == "" {
		r.fail("outbox.dir", "there is no folder for the outbox: neither $STATE_DIRECTORY nor $HOME is set",
			"write outbox: {dir: /var/lib/sensor-agent}")
	}
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
	if !printable(text) || len(text) > maxName {
		r.fail(path, "the pattern is too long or cannot be printed", "write "+form)
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

package config

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"sensor-agent/sensors"
)

// Describe writes what would run, for `sensor-agent check`: every value in
// force wherever it comes from, what each message will hold, and [Config.Warnings]
// at the end. No secret is in it.
func (c *Config) Describe(w io.Writer) error {
	var text bytes.Buffer
	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	c.describeAgent(t)
	for _, s := range c.Streams {
		s.describe(t)
	}
	for _, s := range c.Sensors {
		s.describe(t)
	}
	_ = t.Flush() // into a buffer
	for i, warning := range c.Warnings() {
		if i == 0 {
			text.WriteString("\n")
		}
		text.WriteString("warning: " + warning + "\n")
	}
	_, err := w.Write(text.Bytes())
	return err
}

func (c *Config) describeAgent(w io.Writer) {
	line := func(key, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", key, fmt.Sprintf(format, args...)) }
	line("device", "%s", c.Device)
	for _, b := range c.MQTT.Brokers {
		line("broker", "%v", b)
	}
	line("client id", "%s", either(c.MQTT.ClientID, "made of device and machine"))
	line("user", "%s", c.MQTT.describeUser())
	if tls := c.MQTT.TLS; tls != (TLS{}) {
		line("tls", "authorities %s, certificate %s, server name %s",
			either(tls.CAFile, "of the system"), either(tls.CertFile, "none"), either(tls.ServerName, "of the URL"))
	}
	line("status", "%s", c.Topics.Status)
	line("state", "%s", c.Topics.State)
	line("event", "%s", c.Topics.Event)
	line("ack", "%s", c.Topics.Ack)
	line("sensor", "%s", c.Topics.Sensor)
	if c.Control.Topic == "" {
		line("control", "off")
	} else {
		remembered := "forgotten at a restart"
		if c.Control.Remember {
			remembered = "remembered over a restart"
		}
		line("control", "%s, intervals from %s to %s, %s", c.Control.Topic,
			formatDuration(c.Control.Min), formatDuration(c.Control.Max), remembered)
	}
	drain := "without limit"
	if c.Outbox.Drain > 0 {
		drain = fmt.Sprintf("at %d messages a second", c.Outbox.Drain)
	}
	line("outbox", "%s, up to %v, sync %s, drained %s", c.Outbox.Dir, c.Outbox.MaxSize, c.Outbox.Sync, drain)
	line("clock", "%s", c.Clock)
	line("timestamp", "%s", c.Message.Timestamp)
	line("web", "%s", either(c.Web.Listen, "off"))
	line("log", "%s, %s", c.Log.Level, c.Log.Format)
}

func (m MQTT) describeUser() string {
	if !m.hasUser() {
		return "none"
	}
	source := either(m.PasswordFile, "$CREDENTIALS_DIRECTORY/"+credential+" or $"+passwordVariable)
	if m.PasswordFile == "" && slices.ContainsFunc(m.Brokers, Broker.password) {
		source = "the URL"
	}
	return fmt.Sprintf("%s, password from %s", either(m.Username, "of the URL"), source)
}

func (s *Stream) describe(w io.Writer) {
	retained := "not retained"
	if s.Retain {
		retained = "retained"
	}
	fmt.Fprintf(w, "\nstream %s\n", s.Name)
	fmt.Fprintf(w, "  topic\t%s\n", s.Topic)
	fmt.Fprintf(w, "  interval\t%s\n", formatDuration(s.Interval))
	fmt.Fprintf(w, "  delivery\tQoS %d, %s\n", s.QoS, retained)
	var keys []string
	for _, f := range s.Fields() {
		keys = append(keys, f.Key)
	}
	message := "JSON with"
	if s.Format == FormatValue {
		message = "the bare value of"
	}
	fmt.Fprintf(w, "  message\t%s %s\n", message, list(keys))
	if s.OnlyOnChange != nil {
		fmt.Fprintf(w, "  on change\t%s\n", s.OnlyOnChange.describe())
	}
}

func (s *Sensor) describe(w io.Writer) {
	fmt.Fprintf(w, "\nsensor %s\n", s.Name)
	at := ""
	switch s.Kind {
	case sensors.I2C:
		at = fmt.Sprintf(" on I2C bus %s at %#02x", s.Bus, s.Address)
	case sensors.SPI:
		at = " on SPI bus " + s.Bus
	}
	fmt.Fprintf(w, "  driver\t%s%s\n", s.Driver, at)
	if s.Heat != nil {
		fmt.Fprintf(w, "  heat\t%s\n", describeHeat(s.Heat))
	}
	if sea := s.Derive.SeaLevelPressure; sea != nil {
		fmt.Fprintf(w, "  altitude\t%v m\n", sea.Altitude)
	}
	for i, f := range s.Fields {
		words := []string{f.Quantity.Name}
		if f.Quantity.Unit != "" {
			words = append(words, f.Quantity.Unit)
		}
		switch f.Decimals {
		case 0:
			words = append(words, "whole numbers")
		case 1:
			words = append(words, "1 decimal")
		default:
			words = append(words, fmt.Sprintf("%d decimals", f.Decimals))
		}
		fmt.Fprintf(w, "  %s\t%s\n", f.Key, strings.Join(words, ", "))
		output := s.Plan.Outputs[i]
		for _, more := range []string{describeLimits(output.Limits), s.Adjust[output.Key].describe()} {
			if more != "" {
				fmt.Fprintf(w, "  \t  %s\n", more)
			}
		}
	}
}

func either(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

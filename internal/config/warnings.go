package config

import (
	"fmt"
	"slices"
)

// Warnings returns what can run but was probably not meant, a sentence each.
func (c *Config) Warnings() []string {
	warnings := c.brokerWarnings()
	if c.Web.Listen != "" {
		warnings = append(warnings, "web.listen: this version has no web page yet, so nothing will listen there")
	}
	used := make(map[*Sensor]bool)
	topics := make(map[string]*Stream)
	for _, s := range c.Streams {
		if other, taken := topics[s.Topic]; taken {
			warnings = append(warnings, fmt.Sprintf("the streams %s and %s publish on one topic, %s: its readers get messages with different keys",
				other.Name, s.Name, s.Topic))
		}
		topics[s.Topic] = s
		if o := s.OnlyOnChange; o != nil && o.AtLeastEvery <= s.Interval {
			warnings = append(warnings, fmt.Sprintf("the stream %s publishes at every tick, changed or not: its only_on_change.at_least_every of %s is no longer than its interval of %s",
				s.Name, formatDuration(o.AtLeastEvery), formatDuration(s.Interval)))
		}
		for _, sensor := range s.Sensors {
			used[sensor] = true
			if s.Interval < sensor.Plan.Takes {
				warnings = append(warnings, fmt.Sprintf("the stream %s has an interval of %s, but the sensor %s can take %s to read: ticks will be skipped",
					s.Name, formatDuration(s.Interval), sensor.Name, formatDuration(sensor.Plan.Takes)))
			}
		}
	}
	for _, sensor := range c.Sensors {
		if !used[sensor] {
			warnings = append(warnings, fmt.Sprintf("the sensor %s is in no stream and will not be read", sensor.Name))
		}
	}
	return warnings
}

func (c *Config) brokerWarnings() (warnings []string) {
	m := c.MQTT
	for _, b := range m.Brokers {
		if b.password() {
			warnings = append(warnings, fmt.Sprintf("the URL %v holds a password: move it to a file named by mqtt.password_file", b))
		}
		if user := m.Username != "" || b.URL.User != nil; user && !b.encrypted() && !b.local() {
			warnings = append(warnings, fmt.Sprintf("user name and password go to %v unencrypted: use ssl or wss, if the broker can", b))
		}
	}
	inURL := slices.ContainsFunc(m.Brokers, Broker.password)
	if m.hasUser() && m.PasswordFile == "" && !inURL {
		warnings = append(warnings, fmt.Sprintf("there is a user name but no mqtt.password_file: without $CREDENTIALS_DIRECTORY/%s or $%s no password is sent",
			credential, passwordVariable))
	}
	if m.TLS != (TLS{}) && !slices.ContainsFunc(m.Brokers, Broker.encrypted) {
		warnings = append(warnings, "mqtt.tls is not used, since no broker has an ssl or wss URL")
	}
	return warnings
}

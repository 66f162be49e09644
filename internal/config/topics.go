package config

import (
	"fmt"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// topics yields the path and the place of each topic in the configuration.
// control.topic may be empty.
func (c *Config) topics() iter.Seq2[string, *string] {
	return func(yield func(string, *string) bool) {
		for i, s := range c.Streams {
			if !yield(fmt.Sprintf("streams[%d].topic", i), &s.Topic) {
				return
			}
		}
		_ = yield("control.topic", &c.Control.Topic) &&
			yield("topics.status", &c.Topics.Status) &&
			yield("topics.state", &c.Topics.State) &&
			yield("topics.event", &c.Topics.Event) &&
			yield("topics.ack", &c.Topics.Ack) &&
			yield("topics.sensor", &c.Topics.Sensor)
	}
}

// expand puts the device's name into a topic.
func expand(r *report, path, topic, device string) string {
	topic = strings.ReplaceAll(topic, "{device}", device)
	rest := topic
	if path == "topics.sensor" {
		rest = strings.ReplaceAll(topic, sensorLevel, "")
	}
	if strings.ContainsAny(rest, "{}") {
		r.fail(path, "only {device} can stand in braces", "write a topic such as iot/{device}/value")
	}
	return topic
}

// sensorLevel stands in topics.sensor for the name of each sensor.
const sensorLevel = "{sensor}"

// Of returns the topic on which the health of a sensor is retained.
func (t Topics) Of(s *Sensor) string { return strings.ReplaceAll(t.Sensor, sensorLevel, s.Name) }

// checkTopics refuses what cannot be published on, and one topic for two
// purposes. Streams may share one.
func (c *Config) checkTopics(r *report) {
	taken := make(map[string]string) // topic: path
	for path, topic := range c.topics() {
		if path == "control.topic" && *topic == "" {
			continue
		}
		if problem, hint := badTopic(*topic); problem != "" {
			r.fail(path, problem, hint)
			continue
		}
		if path == "topics.sensor" && !strings.Contains(*topic, sensorLevel) {
			r.fail(path, "the sensors would share the topic "+quote(*topic), "write "+sensorLevel+" in it, for the name of each")
			continue
		}
		first, used := taken[*topic]
		stream := strings.HasPrefix(path, "streams[")
		switch {
		case !used:
			taken[*topic] = path
		case !stream:
			r.fail(path, fmt.Sprintf("%s is the topic of %s too", quote(*topic), first), "give each its own topic")
		}
	}
	for _, s := range c.Sensors {
		if path, used := taken[c.Topics.Of(s)]; used && s.Name != "" {
			r.fail(path, fmt.Sprintf("%s is the topic of the sensor %s too", quote(c.Topics.Of(s)), quote(s.Name)), "give each its own topic")
		}
	}
}

// badTopic says why nothing can be published on a topic (MQTT 3.1.1, 4.7). It
// is printable, as every text in a configuration.
func badTopic(topic string) (problem, hint string) {
	switch {
	case topic == "":
		return "the topic is empty", "write one such as iot/sensor/value"
	case strings.ContainsAny(topic, "+#"):
		return quote(topic) + " has a wildcard, which only a subscriber can use", "leave out + and #"
	case topic[0] == '$':
		return quote(topic) + " starts with $, which belongs to the broker", "leave out the $"
	case topic[0] == '/', topic[len(topic)-1] == '/', strings.Contains(topic, "//"):
		return quote(topic) + " has an empty level", "write single slashes between the levels, none before or after"
	}
	return "", ""
}

// badLevel says why s cannot be one level of a topic.
func badLevel(s string) (problem, hint string) {
	if len(s) > maxName {
		return fmt.Sprintf("the name is longer than %d bytes", maxName), "shorten it"
	}
	if strings.ContainsAny(s, "/{}") {
		return quote(s) + " has one of / { } in it, but is one level of a topic", "use letters, digits, - and _"
	}
	return badTopic(s)
}

// maxName is the longest name of a device, a stream, a sensor or a JSON key,
// in bytes.
const maxName = 64

// plainName accepts names that need no quoting in a topic, a shell or YAML.
func plainName(s string) bool {
	return s != "" && len(s) <= maxName && strings.IndexFunc(s, func(c rune) bool { return !plainRune(c) }) < 0
}

func plainRune(c rune) bool {
	return c == '_' || c == '-' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// printable reports whether s is UTF-8 without control characters.
func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0
}

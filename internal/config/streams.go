package config

import (
	"fmt"
	"time"

	"gopkg.in/yaml.v3"
)

const (
	minInterval = time.Millisecond
	maxInterval = 24 * time.Hour

	maxStreams = 64
)

// streams decodes the streams, or makes the one that is the default.
func (d *decoder) streams(nodes []*yaml.Node) []*Stream {
	if nodes == nil {
		return []*Stream{defaultStream()}
	}
	if len(nodes) == 0 || len(nodes) > maxStreams {
		d.fail("streams", fmt.Sprintf("there are %d streams", len(nodes)),
			fmt.Sprintf("write 1 to %d, or leave out streams: then one publishes every sensor", maxStreams))
		return nil
	}
	streams := make([]*Stream, len(nodes))
	for i, n := range nodes {
		streams[i] = defaultStream()
		if n != nil {
			path := fmt.Sprintf("streams[%d]", i)
			d.mapping(n, path, streams[i])
			if o := streams[i].OnlyOnChange; o != nil && !d.set(path+".only_on_change.at_least_every") {
				o.AtLeastEvery = defaultAtLeastEvery
			}
		}
	}
	return streams
}

// resolve finds the sensors of a stream.
func (c *Config) resolve(r *report, i int, s *Stream) {
	if s.SensorNames == nil {
		s.Sensors = c.Sensors
		for _, sensor := range c.Sensors {
			s.SensorNames = append(s.SensorNames, sensor.Name)
		}
		return
	}
	byName := make(map[string]*Sensor)
	var names []string
	for _, sensor := range c.Sensors {
		byName[sensor.Name] = sensor
		names = append(names, sensor.Name)
	}
	seen := make(map[string]bool)
	for j, name := range s.SensorNames {
		path := fmt.Sprintf("streams[%d].sensors[%d]", i, j)
		sensor, ok := byName[name]
		switch {
		case !ok:
			r.fail(path, "there is no sensor "+quote(name), suggest(name, names, "there are"))
		case seen[name]:
			r.fail(path, "the stream has the sensor "+quote(name)+" already", "remove one")
		default:
			seen[name] = true
			s.Sensors = append(s.Sensors, sensor)
		}
	}
}

func (c *Config) checkStreams(r *report) {
	first := make(map[string]int)
	for i, s := range c.Streams {
		path := fmt.Sprintf("streams[%d]", i)
		checkName(r, path+".name", s.Name)
		if j, taken := first[s.Name]; taken {
			r.fail(path+".name", fmt.Sprintf("the stream streams[%d] is called %s too", j, quote(s.Name)), "give each its own name")
		}
		first[s.Name] = i
		checkInterval(r, path+".interval", s.Interval)
		switch {
		case s.QoS == 2:
			r.fail(path+".qos", "QoS 2 is not supported",
				"write 1: epoch and seq in each message let a reader drop duplicates, at half the traffic and on every broker")
		case s.QoS > 2:
			r.fail(path+".qos", fmt.Sprintf("there is no QoS %d", s.QoS), "write 0 or 1")
		}
		if s.SensorNames != nil && len(s.SensorNames) == 0 {
			r.fail(path+".sensors", "a stream without sensors has nothing to publish", "name some, or leave out sensors: then it has every one")
		}
		c.checkFields(r, path, s)
		if s.OnlyOnChange != nil {
			s.OnlyOnChange.check(r, path+".only_on_change", s.Fields())
		}
	}
}

// checkFields refuses two sensors that would write the same JSON key, and a
// bare value of more than one field.
func (c *Config) checkFields(r *report, path string, s *Stream) {
	fields := s.Fields()
	taken := make(map[string]bool)
	for _, f := range fields {
		taken[f.Key] = true
	}
	owner := make(map[string]*Sensor)
	for _, sensor := range s.Sensors {
		for i, f := range sensor.Fields {
			other, used := owner[f.Key]
			if !used {
				owner[f.Key] = sensor
				continue
			}
			if other == sensor {
				continue // told at the sensor
			}
			fresh := freshKey(f.Key, taken)
			taken[fresh] = true
			r.fail(join(c.pathOf(sensor)+".keys", sensor.Plan.Outputs[i].Key),
				fmt.Sprintf("in the stream %s, the sensors %s and %s both write the JSON key %s",
					quote(s.Name), quote(other.Name), quote(sensor.Name), quote(f.Key)),
				fmt.Sprintf("rename one: keys: {%s: %s}", sensor.Plan.Outputs[i].Key, fresh))
		}
	}
	if s.Format == FormatValue && len(fields) > 1 {
		r.fail(path+".format", fmt.Sprintf("a bare value is one number, but the sensors of this stream give %d", len(fields)),
			"write format: json, or name one sensor that gives one number")
	}
}

// freshKey makes temp2 of temp, or temp3 if that is taken; and co2_2 of co2.
func freshKey(key string, taken map[string]bool) string {
	if last := key[len(key)-1]; '0' <= last && last <= '9' {
		key += "_"
	}
	for n := 2; ; n++ {
		if fresh := fmt.Sprintf("%s%d", key, n); !taken[fresh] {
			return fresh
		}
	}
}

func checkInterval(r *report, path string, d time.Duration) {
	if d < minInterval || d > maxInterval {
		r.fail(path, fmt.Sprintf("%s is not an interval", formatDuration(d)),
			fmt.Sprintf("write one from %v to %v", minInterval, formatDuration(maxInterval)))
	}
}

// checkName accepts what can stand in a command, a topic and a log line.
func checkName(r *report, path, name string) {
	if !plainName(name) {
		r.fail(path, quote(name)+" cannot be a name", fmt.Sprintf("use 1 to %d letters, digits, - and _", maxName))
	}
}

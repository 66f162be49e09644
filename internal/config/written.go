package config

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// written returns the keys of a sensor, its driver's options among them, on one
// line of YAML to paste into another configuration: as they were written, but
// with the values of variables and aliases. Its bus is left out. It is "" for
// what is not well formed, which is told elsewhere.
func (d *decoder) written(sensor *yaml.Node) string {
	n := d.plain(sensor)
	if n == nil || n.Kind != yaml.MappingNode {
		return ""
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "bus" {
			n.Content = append(n.Content[:i], n.Content[i+2:]...)
			break
		}
	}
	line, err := yaml.Marshal(n)
	if err != nil {
		return ""
	}
	text := strings.TrimSpace(string(line))
	return strings.TrimSuffix(strings.TrimPrefix(text, "{"), "}")
}

// plain returns a copy of a node that depends on no other, without comments and
// on one line; nil when there are too many nodes.
func (d *decoder) plain(n *yaml.Node) *yaml.Node {
	if n = d.enter(n); n == nil {
		return nil
	}
	const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style & quoted}
	if n.Kind != yaml.ScalarNode {
		c.Style = yaml.FlowStyle
	} else if isNull(n) {
		c.Value = "null"
	} else if text, err := substitute(n.Value, d.lookup); err == nil {
		c.Value = text
	}
	if strings.Contains(c.Value, "\n") {
		c.Style = yaml.DoubleQuotedStyle // has no line breaks of its own
	}
	for _, child := range n.Content {
		if child = d.plain(child); child == nil {
			return nil
		}
		c.Content = append(c.Content, child)
	}
	return c
}

package config

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// written returns the keys of a sensor, its driver's options among them, on one
// line of YAML to paste into another configuration: as they were written, but
// with the values of variables and aliases, and without its bus. The sensor has
// been decoded without an error, so its size is bounded.
func (d *decoder) written(sensor *yaml.Node) string {
	n := d.plain(sensor)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "bus" {
			n.Content = slices.Delete(n.Content, i, i+2)
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
// on one line.
func (d *decoder) plain(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Style: yaml.FlowStyle}
	if n.Kind == yaml.ScalarNode {
		c.Value, c.Style = d.plainText(n)
	}
	for _, child := range n.Content {
		c.Content = append(c.Content, d.plain(child))
	}
	return c
}

func (d *decoder) plainText(n *yaml.Node) (string, yaml.Style) {
	if isNull(n) {
		return "null", 0
	}
	text, err := substitute(n.Value, d.lookup)
	if err != nil {
		text = n.Value
	}
	if strings.Contains(text, "\n") {
		return text, yaml.DoubleQuotedStyle // without line breaks of its own
	}
	return text, n.Style & (yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle)
}

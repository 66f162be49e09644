package config

import (
	"os"
	"reflect"
	"regexp"
	"testing"

	"gopkg.in/yaml.v3"
)

const examplePath = "../../config.example.yaml"

// The example is what people copy, with and without what it has in comments.
func TestExample(t *testing.T) {
	text, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	uncommented := regexp.MustCompile(`(?m)^  # - `).ReplaceAll(text, []byte("  - "))
	if string(uncommented) == string(text) {
		t.Error("there is no sensor in a comment")
	}
	for _, text := range [][]byte{text, uncommented} {
		if _, err := Parse(examplePath, text, environment()); err != nil {
			t.Error(err)
		}
	}
}

// Where the example says it shows defaults, it does.
func TestExampleShowsDefaults(t *testing.T) {
	text, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(examplePath, text, environment())
	if err != nil {
		t.Fatal(err)
	}
	want, err := Parse("minimal", []byte(example), environment())
	if err != nil {
		t.Fatal(err)
	}
	stream, wantStream := *got.Streams[0], *want.Streams[0]
	stream.Sensors, stream.SensorNames = nil, nil
	wantStream.Sensors, wantStream.SensorNames = nil, nil
	if !reflect.DeepEqual(stream, wantStream) {
		t.Errorf("stream main is %+v, the default is %+v", stream, wantStream)
	}
	got.Streams, got.Sensors, want.Streams, want.Sensors = nil, nil, nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the example gives\n%+v\nthe defaults are\n%+v", got, want)
	}
}

func TestExampleHasEveryKey(t *testing.T) {
	text, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	written := make(map[string]bool)
	keysOf(root.Content[0], "", written)

	wanted := append(schema(reflect.TypeFor[Config](), ""), "streams", "sensors")
	wanted = append(wanted, schema(reflect.TypeFor[Stream](), "streams.")...)
	wanted = append(wanted, schema(reflect.TypeFor[Sensor](), "sensors.")...)
	if len(wanted) < 40 {
		t.Errorf("found only %d keys in the schema: %v", len(wanted), wanted)
	}
	for _, key := range wanted {
		if !written[key] {
			t.Errorf("%s is missing", key)
		}
	}
}

// schema lists the keys of a struct and of those in it.
func schema(structure reflect.Type, prefix string) (keys []string) {
	for _, f := range reflect.VisibleFields(structure) {
		key := yamlKey(f)
		if key == "" {
			continue
		}
		keys = append(keys, prefix+key)
		if f.Type.Kind() == reflect.Struct && !isScalar(f.Type) {
			keys = append(keys, schema(f.Type, prefix+key+".")...)
		}
	}
	return keys
}

// keysOf collects the keys of a YAML tree, those of all entries of a list
// together.
func keysOf(n *yaml.Node, prefix string, keys map[string]bool) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			key := prefix + n.Content[i].Value
			keys[key] = true
			keysOf(n.Content[i+1], key+".", keys)
		}
	case yaml.SequenceNode:
		for _, entry := range n.Content {
			keysOf(entry, prefix, keys)
		}
	}
}

package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// maxNodes bounds what one configuration may hold after its aliases are
// followed, so that a few lines of aliases to aliases cannot keep it busy.
const maxNodes = 20_000

// A decoder fills structs from YAML nodes by their `yaml:"key"` tags, and
// accepts nothing it does not know. What a struct holds beforehand is the
// default of keys that are not written.
//
// It takes the text of a value for what it is: whether YAML would call 0.0 a
// number or 1 a string does not matter, the field's type decides.
type decoder struct {
	*report
	lookup func(string) (string, bool) // environment, for ${NAME}
	nodes  int
}

var (
	nodeType        = reflect.TypeFor[*yaml.Node]()
	durationType    = reflect.TypeFor[time.Duration]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// mapping fills the structs that into points to from one YAML mapping; a key
// belongs to the first struct that has it. An empty value leaves all defaults.
func (d *decoder) mapping(n *yaml.Node, path string, into ...any) {
	n = d.enter(n)
	if n == nil || isNull(n) || !d.is(n, path, yaml.MappingNode) {
		return
	}
	fields, names := fieldsOf(into...)
	d.pairs(n, path, func(key string, at place, value *yaml.Node) {
		field, known := fields[key]
		if known {
			d.value(value, join(path, key), field)
			return
		}
		hint := suggest(key, names, "known here:")
		if looksLikePassword(key) {
			hint = "a password does not belong in this file: put it into a file of its own and write password_file: PATH"
		}
		d.failAt(at, join(path, key), "unknown key", hint)
	})
}

// fieldsOf returns the fields of structs by their YAML key, and the keys in
// order.
func fieldsOf(structs ...any) (fields map[string]reflect.Value, names []string) {
	fields = make(map[string]reflect.Value)
	for _, s := range structs {
		v := reflect.ValueOf(s).Elem()
		for _, f := range reflect.VisibleFields(v.Type()) {
			name := yamlKey(f)
			if _, taken := fields[name]; name == "" || taken {
				continue
			}
			fields[name] = v.FieldByIndex(f.Index)
			names = append(names, name)
		}
	}
	return fields, names
}

// yamlKey returns the key of a struct field, "" for one that has none.
func yamlKey(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "-" || !f.IsExported() {
		return ""
	}
	return name
}

// pairs calls f for each key of a mapping, once, and notes where it stands.
func (d *decoder) pairs(n *yaml.Node, path string, f func(key string, at place, value *yaml.Node)) {
	lines := make(map[string]int)
	for i := 0; i+1 < len(n.Content) && !d.enough(); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := d.place(key)
		switch first, twice := lines[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			d.failAt(at, path, "a key cannot be a list, a group or an alias", "write name: value")
			continue
		case key.ShortTag() == "!!merge":
			d.failAt(at, path, "merge keys (<<) are not supported", "write the keys out")
			continue
		case twice:
			d.failAt(at, join(path, key.Value), fmt.Sprintf("the key is here twice, first in line %d", first), "remove one")
			continue
		}
		lines[key.Value] = key.Line
		switch {
		case isNull(value): // as if the key were not written
		case value.Kind == yaml.ScalarNode:
			d.places[join(path, key.Value)] = d.place(value)
		default: // a list or group may start lines below its key
			d.places[join(path, key.Value)] = at
		}
		f(key.Value, at, value)
	}
}

// value fills v from n. An empty value leaves v as it is.
func (d *decoder) value(n *yaml.Node, path string, v reflect.Value) {
	n = d.enter(n)
	if n == nil || isNull(n) {
		return
	}
	switch t := v.Type(); {
	case t == nodeType:
		v.Set(reflect.ValueOf(n)) // decoded later, when its struct is known
	case isScalar(t) && !(t.Kind() == reflect.Map && n.Kind == yaml.MappingNode): // a map may have a short form
		d.scalar(n, path, v)
	case t.Kind() == reflect.Pointer:
		fresh := reflect.New(t.Elem()) // never write through a default's pointer
		if !v.IsNil() {
			fresh.Elem().Set(v.Elem())
		}
		d.value(n, path, fresh.Elem())
		v.Set(fresh)
	case t.Kind() == reflect.Struct:
		d.mapping(n, path, v.Addr().Interface())
	case t.Kind() == reflect.Slice:
		d.list(n, path, v)
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		d.table(n, path, v)
	default:
		panic(fmt.Sprintf("config: %s: a struct with a field of type %v cannot be configured", path, t))
	}
}

func (d *decoder) list(n *yaml.Node, path string, v reflect.Value) {
	if !d.is(n, path, yaml.SequenceNode) {
		return
	}
	fresh := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, entry := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.places[at] = d.place(entry)
		d.entry(entry, d.place(entry), at, fresh.Index(i))
	}
	v.Set(fresh)
}

func (d *decoder) table(n *yaml.Node, path string, v reflect.Value) {
	if !d.is(n, path, yaml.MappingNode) {
		return
	}
	fresh := reflect.MakeMap(v.Type())
	d.pairs(n, path, func(key string, at place, value *yaml.Node) {
		entry := reflect.New(v.Type().Elem()).Elem()
		d.entry(value, at, join(path, key), entry)
		fresh.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), entry)
	})
	v.Set(fresh)
}

// entry fills one entry of a list or table, which has no default to fall back
// on.
func (d *decoder) entry(n *yaml.Node, at place, path string, v reflect.Value) {
	if isNull(n) {
		d.failAt(at, path, "there is no value", "write one or remove the entry")
		return
	}
	d.value(n, path, v)
}

func (d *decoder) scalar(n *yaml.Node, path string, v reflect.Value) {
	if !d.is(n, path, yaml.ScalarNode) {
		return
	}
	text, err := substitute(n.Value, d.lookup)
	if err == nil {
		err = setText(v, text)
	}
	if err != nil {
		d.failWith(path, err)
	}
}

// enter follows an alias and counts the node; nil when there are too many,
// which full then reports.
func (d *decoder) enter(n *yaml.Node) *yaml.Node {
	d.nodes++
	if d.full() {
		return nil
	}
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// kinds are the kinds of node in words, and how they are written.
var kinds = map[yaml.Kind]struct{ name, form string }{
	yaml.ScalarNode:   {"a single value", "write name: value"},
	yaml.SequenceNode: {"a list", "write [one, two], or lines that start with -"},
	yaml.MappingNode:  {"a group of keys", "write {key: value}, or lines of key: value that are indented"},
}

// is reports whether n is of the kind wanted, and records an error if not.
func (d *decoder) is(n *yaml.Node, path string, want yaml.Kind) bool {
	if n.Kind != want {
		d.fail(path, fmt.Sprintf("this is %s, where %s is wanted", kinds[n.Kind].name, kinds[want].name), kinds[want].form)
		return false
	}
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!int", "!!float", "!!bool", "!!timestamp", "!!seq", "!!map":
		return true
	default:
		d.fail(path, fmt.Sprintf("the tag %s has no meaning here", quote(tag)), "remove it; ${NAME} takes a value from the environment")
		return false
	}
}

// full reports whether decoding was cut short.
func (d *decoder) full() bool { return d.nodes > maxNodes }

func (d *decoder) place(n *yaml.Node) place { return place{d.file, n.Line, n.Column} }

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// join adds a key to a path.
func join(path, key string) string {
	if !plainName(key) {
		key = quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

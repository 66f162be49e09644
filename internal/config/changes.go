package config

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"sensor-agent/internal/conditioning"
)

// OnlyOnChange keeps a stream from publishing what is not new.
type OnlyOnChange struct {
	Delta        Deltas        `yaml:"delta"`          // nil: any difference of what is published is news
	AtLeastEvery time.Duration `yaml:"at_least_every"` // longest time without a message, as an interval
}

const defaultAtLeastEvery = 10 * time.Minute

// Deltas are least differences that are news, by JSON key as published; a key
// without one is no news. In a configuration a single number can stand for all
// keys, which is here that of the key "".
type Deltas map[string]float64

// UnmarshalText reads a number for all keys.
func (d *Deltas) UnmarshalText(text []byte) error {
	var delta float64
	if err := setFloat(reflect.ValueOf(&delta).Elem(), string(text)); err != nil {
		return err
	}
	*d = Deltas{"": delta}
	return nil
}

// of returns the delta of a key, +Inf for one whose differences are no news.
func (d Deltas) of(key string) float64 {
	if len(d) == 0 {
		return 0
	}
	for _, k := range []string{key, ""} {
		if delta, ok := d[k]; ok {
			return delta
		}
	}
	return math.Inf(1)
}

// Changes returns what tells which ticks of the stream are to be published, nil
// for all of them. It begins with nothing published.
func (s *Stream) Changes() *conditioning.Changes {
	if s.OnlyOnChange == nil {
		return nil
	}
	var fields [][]conditioning.ChangingField
	for _, sensor := range s.Sensors {
		var own []conditioning.ChangingField
		for _, f := range sensor.Fields {
			own = append(own, conditioning.ChangingField{Decimals: f.Decimals, Delta: s.OnlyOnChange.Delta.of(f.Key)})
		}
		fields = append(fields, own)
	}
	return conditioning.NewChanges(fields, s.OnlyOnChange.AtLeastEvery)
}

func (o *OnlyOnChange) check(r *report, path string, fields []Field) {
	checkInterval(r, path+".at_least_every", o.AtLeastEvery)
	var keys []string
	for _, f := range fields {
		keys = append(keys, f.Key)
	}
	for _, key := range slices.Sorted(maps.Keys(o.Delta)) {
		at := path + ".delta"
		if key != "" {
			at = join(at, key)
		}
		if key != "" && !slices.Contains(keys, key) {
			r.fail(at, "the stream has no key "+quote(key), suggest(key, keys, "it has"))
		} else if o.Delta[key] < 0 {
			r.fail(at, fmt.Sprintf("%v is not a difference", o.Delta[key]), "write one above 0, or 0 for any")
		}
	}
}

func (o *OnlyOnChange) describe() string {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(o.Delta)) {
		words = append(words, strings.TrimSpace(fmt.Sprintf("%s by %v", key, o.Delta[key])))
	}
	if len(words) == 0 {
		words = []string{"any"}
	}
	return fmt.Sprintf("%s; at least every %s", strings.Join(words, ", "), formatDuration(o.AtLeastEvery))
}

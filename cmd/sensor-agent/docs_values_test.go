package main

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/internal/conditioning"
	"sensor-agent/internal/config"
)

func TestWhatIsDoneWithValuesIsDocumented(t *testing.T) {
	options := map[string]reflect.Value{}
	for _, group := range []any{config.Adjustment{}, conditioning.Heat{}, conditioning.Derive{}, config.OnlyOnChange{}} {
		maps.Copy(options, optionsOf(reflect.ValueOf(group)))
	}
	delete(options, "") // what a struct embeds has no name
	want := slices.Sorted(maps.Keys(options))
	got := slices.Sorted(maps.Keys(explained(readPage(t, "docs/values.md"))))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/values.md: options (-code +page)\n%s", diff)
	}
}

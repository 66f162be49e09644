package w1

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/sensors"
)

func TestDiscover(t *testing.T) {
	got, err := discover(wire(map[string]string{kitchen: "", cellar: ""}))
	want := []sensors.Source{
		{Name: cellar, Gives: []string{"temp"}, Options: `id: "` + cellar + `"`},
		{Name: kitchen, Gives: []string{"temp"}, Options: `id: "` + kitchen + `"`},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// No 1-Wire bus is no matter; one without a thermometer is.
func TestDiscoverNothing(t *testing.T) {
	if got, err := discover(fstest.MapFS{}); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := discover(wire(nil)); got != nil || err == nil || !strings.Contains(err.Error(), "no thermometer answers: check its wires") {
		t.Errorf("%v, %v", got, err)
	}
}

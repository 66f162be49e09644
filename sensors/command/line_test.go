package command

import (
	"math"
	"strings"
	"testing"

	"sensor-agent/sensors"
)

func TestParse(t *testing.T) {
	none := math.NaN()
	for _, test := range []struct {
		line string
		keys string // separated by a space
		want []float64
		why  string // the error, or the reason of the first value that is not there
	}{
		{`{"soil": 0.42, "temp": -3e1, "name": "bed"}`, "soil temp", []float64{0.42, -30}, ""},
		{` {"b": 1, "a": 2, "a": 3} ` + "\r", "a b", []float64{3, 1}, ""},
		{`21.5`, "temp", []float64{21.5}, ""},
		{`-0`, "temp", []float64{0}, ""},
		{`{"soil": null, "temp": 1}`, "soil temp", []float64{none, 1}, "printed null"},
		{`{"temp": 1}`, "soil temp", []float64{none, 1}, `printed no "soil"`},
		{`{"Soil": 1}`, "soil", []float64{none}, `printed no "soil"`},
		{`{"soil": "0.4"}`, "soil", []float64{none}, `not a number`},
		{`{"soil": {"value": 1}}`, "soil", []float64{none}, `"{\"value\": 1}" for it, which is not a number`},
		{`{"soil": [1]}`, "soil", []float64{none}, `not a number`},
		{`{"soil": true}`, "soil", []float64{none}, `not a number`},
		{`{"soil": 1e999}`, "soil", []float64{none}, `not a number`},
		{`null`, "soil", []float64{none}, "printed null"},
		{`"0.4"`, "soil", []float64{none}, "not a number"},
		{`{"soil": NaN}`, "soil", nil, "not JSON: invalid character 'N'"},
		{`{'soil': 0.4}`, "soil", nil, "keys want double quotes"},
		{`0.4 C`, "soil", nil, "not JSON"},
		{`{"soil": 0.4} {"soil": 0.5}`, "soil", nil, "not JSON"},
		{`21.5`, "soil temp", nil, `an object is wanted: {"soil": 1.5, "temp": 20}`},
		{`null`, "soil temp", nil, "an object is wanted"},
		{`[1, 2]`, "soil temp", nil, "an object is wanted"},
		{"\xff\x00", "soil", nil, `"\xff\x00"`},
		{strings.Repeat("[", 60_000), "soil", nil, "not JSON"},
	} {
		keys := strings.Fields(test.keys)
		reading := make(sensors.Reading, len(keys))
		err := parse([]byte(test.line), keys, reading)
		if test.want == nil {
			if err == nil || !strings.Contains(err.Error(), test.why) || len(err.Error()) > 400 {
				t.Errorf("%.60s: error %v, want …%s…", test.line, err, test.why)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.line, err)
			continue
		}
		for i, want := range test.want {
			m := reading[i]
			switch {
			case math.IsNaN(want):
				if m.Valid() || !strings.Contains(m.Reason, test.why) {
					t.Errorf("%s: %s is %+v, want none as it …%s…", test.line, keys[i], m, test.why)
				}
			case m != sensors.Value(want):
				t.Errorf("%s: %s is %+v, want %v", test.line, keys[i], m, want)
			}
		}
	}
}

// Whatever a program prints: a value, or a reason why there is none.
func FuzzParse(f *testing.F) {
	for _, line := range []string{`{"soil": 0.42, "temp": 20}`, `21.5`, `null`, `{"soil": NaN}`, `{"soil": {"temp": []}}`, `{"soil": 1e999, "soil": "1"}`} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, keys := range [][]string{{"soil"}, {"soil", "temp"}} {
			reading := make(sensors.Reading, len(keys))
			for i := range reading {
				reading[i] = sensors.NoValue("") // for what is left as it is
			}
			if err := parse(line, keys, reading); err != nil {
				if len(err.Error()) > 1000 {
					t.Errorf("an error of %d bytes", len(err.Error()))
				}
				continue
			}
			for i, m := range reading {
				if m.Valid() == (m.Reason != "") {
					t.Errorf("%s: %+v", keys[i], m)
				}
			}
		}
	})
}

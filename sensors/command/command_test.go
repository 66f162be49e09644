package command

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sensor-agent/sensors"
)

// configured completes o by the defaults of what every sensor needs.
func configured(o options) (sensors.Plan, error) {
	return Driver().Configure(func(filled any) error {
		f := filled.(*options)
		f.Command, f.Values = o.Command, o.Values
		if o.Mode != "" {
			f.Mode = o.Mode
		}
		if o.Timeout != 0 {
			f.Timeout = o.Timeout
		}
		if o.MaxAge != 0 {
			f.MaxAge = o.MaxAge
		}
		return nil
	})
}

func TestPlan(t *testing.T) {
	values := []value{{Key: "soil", Quantity: "fraction"}, {Quantity: "temperature"}}
	for mode, takes := range map[string]time.Duration{modeReading: 7 * time.Second, modeLines: settle} {
		p, err := configured(options{Command: []string{"/nowhere"}, Mode: mode, Timeout: 7 * time.Second, Values: values})
		if err != nil {
			t.Fatal(err)
		}
		if p.Takes != takes {
			t.Errorf("%s: takes %v, want %v", mode, p.Takes, takes)
		}
		want := []sensors.Output{{Key: "soil", Quantity: sensors.Fraction}, {Key: "temp", Quantity: sensors.Temperature}}
		if diff := cmp.Diff(want, p.Outputs); diff != "" {
			t.Errorf("%s: outputs (-want +got)\n%s", mode, diff)
		}
	}
}

func TestBadOptions(t *testing.T) {
	good := []value{{Quantity: "number"}}
	for _, test := range []struct {
		o      options
		option string
		want   string
	}{
		{options{Values: good}, "command", "`command: [python3, /opt/soil.py]`"},
		{options{Command: []string{""}, Values: good}, "command", "`command: [python3, /opt/soil.py]`"},
		{options{Command: []string{"x"}, Values: good, Mode: "line"}, "mode", `"line" is not one of reading, lines`},
		{options{Command: []string{"x"}, Values: good, Timeout: -1}, "timeout", "more than 0"},
		{options{Command: []string{"x"}, Values: good, MaxAge: 25 * time.Hour}, "max_age", "at most a day"},
		{options{Command: []string{"x"}}, "values", "`values: [{key: soil, quantity: fraction}]`"},
		{options{Command: []string{"x"}, Values: []value{{Key: "a"}}}, "values[0].quantity", `"" is not one of temperature, `},
		{options{Command: []string{"x"}, Values: []value{{Quantity: "power"}, {Quantity: "power"}}}, "values[1].key", `two values have the key "power"`},
	} {
		_, err := configured(test.o)
		bad, ok := errors.AsType[*sensors.OptionError](err)
		if !ok || bad.Option != test.option || !strings.Contains(bad.Err.Error(), test.want) {
			t.Errorf("%+v: error %v, want %s: …%s…", test.o, err, test.option, test.want)
		}
	}
}

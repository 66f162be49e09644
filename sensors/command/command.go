// Package command reads what a program of the user's own measures, in any
// language: for a sensor that has no driver here, or a source that is none.
// The program prints its values as a line of JSON, either once, run for each
// reading, or again and again while it runs.
//
// It is taken for a stranger. It has a deadline; what it prints is bounded in
// memory; it gets none of the agent's environment that could hold a secret; it
// runs in a process group of its own, which is killed when it is late, when
// the sensor is closed and, on Linux, as far as the program itself goes, when
// the agent dies. One that crashes again and again is started ever more
// rarely. It is no sandbox: the program has the agent's user and may do what
// that may.
//
// Other sensors start no goroutine. Here each process has one, which starts the
// process and waits for its end, and within it those that empty its two pipes: a
// program that nobody listens to stops in the middle of a write, and its newest
// line would then be an old one. They end with the process, and whoever ends
// that waits for them. None of them keeps a schedule.
package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sensor-agent/sensors"
)

const (
	modeReading = "reading"
	modeLines   = "lines"

	longest = 24 * time.Hour // what an option may say
)

// settle is what most programs take from their start to their first line. The
// stream of one that takes longer goes on without it meanwhile: nothing but
// its start is ever waited for.
const settle = time.Second

type options struct {
	Command []string      `yaml:"command" help:"the program and its arguments, without a shell: [python3, /opt/soil.py]"`
	Mode    string        `yaml:"mode" help:"reading: the program is run for each reading; lines: it goes on running, and its newest line counts"`
	Timeout time.Duration `yaml:"timeout" help:"how long one run may take; with lines, how long the program may take to its first line"`
	MaxAge  time.Duration `yaml:"max_age" help:"with lines: what was printed longer ago is stale; after three times as long without a line the program is started anew"`
	Values  []value       `yaml:"values" help:"what the program measures"`
}

type value struct {
	Key      string `yaml:"key" help:"its key in the JSON that the program prints, and in the message (default: the quantity's)"`
	Quantity string `yaml:"quantity" help:"what it is, in whose unit the program prints it: temperature, humidity, … or number"`
}

// Driver returns the driver of programs.
func Driver() sensors.Driver {
	return sensors.NewDriver(sensors.Driver{
		Name:    "command",
		Summary: "what a program of your own prints, in any language",
	}, options{Mode: modeReading, Timeout: 5 * time.Second, MaxAge: 30 * time.Second}, plan)
}

// plan does not look for the program: it may be on another machine.
func plan(o options) (sensors.Plan, error) {
	var errs []error
	if len(o.Command) == 0 || o.Command[0] == "" {
		errs = append(errs, sensors.BadOption("command", "there is none: write the program and its arguments, as in `command: [python3, /opt/soil.py]`"))
	}
	if o.Mode != modeReading && o.Mode != modeLines {
		errs = append(errs, sensors.BadOption("mode", "%q is not one of reading, lines", o.Mode))
	}
	if o.Timeout <= 0 || o.Timeout > longest {
		errs = append(errs, sensors.BadOption("timeout", "%v cannot be: write more than 0 and at most a day", o.Timeout))
	}
	if o.MaxAge <= 0 || o.MaxAge > longest {
		errs = append(errs, sensors.BadOption("max_age", "%v cannot be: write more than 0 and at most a day", o.MaxAge))
	}
	outputs, err := outputsOf(o.Values)
	if err := errors.Join(append(errs, err)...); err != nil {
		return sensors.Plan{}, err
	}

	p := &program{argv: o.Command, timeout: o.Timeout, reading: make(sensors.Reading, len(outputs))}
	for _, output := range outputs {
		p.keys = append(p.keys, output.Key)
	}
	if o.Mode == modeReading {
		return sensors.Plan{
			Outputs: outputs,
			Takes:   o.Timeout,
			Open: func(context.Context, sensors.Wire) (sensors.Sensor, error) {
				return onDemand{p}, nil
			},
		}, nil
	}
	return sensors.Plan{
		Outputs: outputs,
		Takes:   settle,
		Open: func(ctx context.Context, _ sensors.Wire) (sensors.Sensor, error) {
			if err := p.launch(ctx); err != nil {
				return nil, err
			}
			return running{p, o.MaxAge}, nil
		},
	}, nil
}

// outputsOf checks the values, whose order it keeps.
func outputsOf(values []value) ([]sensors.Output, error) {
	if len(values) == 0 {
		return nil, sensors.BadOption("values", "there is none: list at least one, as in `values: [{key: soil, quantity: fraction}]`")
	}
	var errs []error
	outputs := make([]sensors.Output, len(values))
	for i, v := range values {
		at := fmt.Sprintf("values[%d]", i)
		quantity, ok := sensors.QuantityNamed(v.Quantity)
		if !ok {
			errs = append(errs, sensors.BadOption(at+".quantity", "%q is not one of %s", v.Quantity, quantities()))
			continue
		}
		outputs[i] = sensors.Output{Key: v.Key, Quantity: quantity}
		if v.Key == "" {
			outputs[i].Key = quantity.Key
		}
		if slices.ContainsFunc(outputs[:i], func(other sensors.Output) bool { return other.Key == outputs[i].Key }) {
			errs = append(errs, sensors.BadOption(at+".key", "two values have the key %q: set `key` to what the program calls each", outputs[i].Key))
		}
	}
	return outputs, errors.Join(errs...)
}

func quantities() string {
	var names []string
	for _, q := range sensors.Quantities() {
		names = append(names, q.Name)
	}
	return strings.Join(names, ", ")
}

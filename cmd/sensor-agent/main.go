// Command sensor-agent reads the sensors wired to a Raspberry Pi and publishes
// what they measure over MQTT. The flow from bus to broker is in run.go; each
// subcommand has a file of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"sensor-agent/internal/broker"
)

// A subcommand is one verb of the command line.
type subcommand struct {
	name    string
	args    string // after the name, in the usage line
	summary string
	help    string // examples and what else a person must know
	run     func(ctx context.Context, e *env, args []string) error
}

// subcommands returns every verb, in the order the help shows them.
func subcommands() []*subcommand {
	return []*subcommand{
		runCommand(), demoCommand(), checkCommand(), doctorCommand(), driversCommand(), scanCommand(), readCommand(), recordCommand(),
		subCommand(), pubCommand(), intervalCommand(), outboxCommand(), versionCommand(),
	}
}

// env is what a subcommand touches of the world.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	command        *subcommand // the one that runs
}

// sameSignal is the time within which two signals are one.
const sameSignal = 100 * time.Millisecond

func main() {
	// An agent waits nearly all of its time. A second processor would only
	// have each reading wake one more thread: that costs a third of the time
	// a reading takes, and more than that in delay.
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	// Memory is scarcer on a Pi Zero than the little processor time that
	// collecting more often takes. Less than this would make no difference:
	// the runtime lets the heap grow by a megabyte at least.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
	broker.DropTestVectors()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the second has its usual effect: it ends the
	// process at once. Not so soon that it is the same one again: timeout(1)
	// sends its signal to the process and to the group of the process.
	context.AfterFunc(ctx, func() { time.AfterFunc(sameSignal, stop) })
	e := &env{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	err := dispatch(ctx, e, os.Args[1:])
	var exit *exitError
	if errors.As(err, &exit) && exit.err == nil {
		os.Exit(exit.code)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "sensor-agent: %v\n", err)
		os.Exit(exitCode(err))
	}
}

// dispatch runs the subcommand that args name; without a name, run.
func dispatch(ctx context.Context, e *env, args []string) error {
	name := "run"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	} else if len(args) > 0 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help") {
		name, args = "help", nil
	}
	if name == "help" {
		return help(ctx, e, args)
	}
	for _, c := range subcommands() {
		if c.name == name {
			e.command = c
			return c.run(ctx, e, args)
		}
	}
	return usageError("there is no subcommand %q: see `sensor-agent help`", name)
}

func help(ctx context.Context, e *env, args []string) error {
	if len(args) > 0 {
		return dispatch(ctx, e, []string{args[0], "-h"})
	}
	fmt.Fprint(e.stdout, "sensor-agent reads the sensors of a Raspberry Pi and publishes them over MQTT.\n\nusage: sensor-agent [SUBCOMMAND] [FLAGS]\n\n")
	for _, c := range subcommands() {
		fmt.Fprintf(e.stdout, "  %-9s %s\n", c.name, c.summary)
	}
	fmt.Fprint(e.stdout, "\n`sensor-agent help SUBCOMMAND` tells more of each. Without a subcommand: run.\n")
	return nil
}

// flags returns an empty flag set of the running subcommand. It prints nothing
// by itself: parse says what is wrong, and shows the help to who asks for it.
func (e *env) flags() *flag.FlagSet {
	f := flag.NewFlagSet(e.command.name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	return f
}

func (e *env) usage(f *flag.FlagSet) {
	c, w := e.command, e.stdout
	fmt.Fprintf(w, "usage: sensor-agent %s\n\n%s.\n", strings.TrimSpace(c.name+" "+c.args), c.summary)
	if c.help != "" {
		fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(c.help))
	}
	fmt.Fprint(w, "\nflags:\n")
	f.SetOutput(w)
	f.PrintDefaults()
}

// parse parses args by f, whose flags may stand before and after operands.
// Those are then f's arguments; at most the given number is allowed.
func (e *env) parse(f *flag.FlagSet, args []string, operands int) error {
	var found []string
	for {
		err := f.Parse(args)
		switch {
		case errors.Is(err, flag.ErrHelp):
			e.usage(f)
			return &exitError{code: 0}
		case err != nil:
			return usageError("%s: %v: see `sensor-agent help %s`", e.command.name, err, e.command.name)
		case f.NArg() == 0:
			return f.Parse(append([]string{"--"}, found...))
		case len(found) == operands:
			return usageError("%s: what is %q for? See `sensor-agent help %s`", e.command.name, f.Arg(0), e.command.name)
		}
		found, args = append(found, f.Arg(0)), f.Args()[1:]
	}
}

// Command compare measures sensor-agent beside what a user would run instead:
// the plain Python loop of bench/script.py, and mosquitto_pub. All of them
// publish to one private broker on the loopback interface, in turns, and what
// counts is how they stand to each other: the figures themselves change with
// the machine and with what else it does.
//
// It is no test. A figure that misses its goal is shown as a miss and nothing
// more; only a measurement that could not be made is an error.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// An extent is how much is measured.
type extent struct {
	rounds  int           // windows of each kind, and floods
	window  time.Duration // how long each is
	long    time.Duration // how long the one at 1 kHz is
	settle  time.Duration // from a program's first message to its window
	tries   int           // of each latency
	flooded int           // messages sent as fast as possible
}

var (
	full  = extent{rounds: 5, window: 4 * time.Second, long: 10 * time.Second, settle: time.Second / 2, tries: 7, flooded: 10000}
	quick = extent{rounds: 1, window: 2 * time.Second, long: 5 * time.Second, settle: time.Second / 2, tries: 3, flooded: 5000}
)

// timeLimit ends a run that hangs.
const timeLimit = 6 * time.Minute

// bench is one run of all measurements.
type bench struct {
	extent
	programs
	dir    string   // temporary
	log    *os.File // what the programs write
	broker *broker
}

func main() {
	short := flag.Bool("quick", false, "measure everything once and briefly: in one minute instead of four")
	agent := flag.String("agent", "bin/sensor-agent", "the agent's `FILE`")
	flag.Parse()

	b := bench{extent: full}
	if *short {
		b.extent = quick
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	if err := b.run(ctx, *agent); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx) // all that broke off broke off because of it
		}
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context, agent string) (err error) {
	if b.programs, err = findPrograms(ctx, agent); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "sensor-agent-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.log, err = os.Create(b.dir + "/log"); err != nil {
		return err
	}
	defer b.log.Close()
	port, err := freePort()
	if err != nil {
		return err
	}
	if b.broker, err = b.startBroker(ctx, port, "error", b.log); err != nil {
		return err
	}
	defer b.broker.stop()

	fmt.Println(machine())
	var rows []row
	for _, measure := range []func(context.Context) ([]row, error){b.steady, b.floods, b.latencies, b.size} {
		more, err := measure(ctx)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	return printTable(os.Stdout, rows)
}

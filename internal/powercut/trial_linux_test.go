package powercut

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"sensor-agent/publisher/outbox"
)

// A trial is the life of one disk. One agent after the other runs on it, each
// until its power is cut.
type trial struct {
	policy   outbox.Sync
	unsynced bool // the agents' flushes do nothing
	sink     *sink
	rnd      *rand.Rand

	image []byte        // of the disk, after the last cut
	lag   time.Duration // the most by which this process was late in the life that is being lived
	runs  []run
}

// A run is what is known of one agent after its end.
type run struct {
	epoch  uint64      // 0 if it has not come to begin one
	queued []time.Time // when each reading was, by seq from 1
	cut    time.Time
	lag    time.Duration
}

// newTrial begins with an empty disk, and with randomness of its own.
func newTrial(t *testing.T, policy outbox.Sync) *trial {
	t.Helper()
	t.Logf("-seed %d", *seed)
	var name uint64
	for _, c := range t.Name() {
		name = name*31 + uint64(c)
	}
	return &trial{policy: policy, sink: newSink(t), rnd: rand.New(rand.NewPCG(*seed, name)), image: format(t)}
}

// config is of an agent that fills a segment of its outbox, 1 MiB, in two
// seconds. There is room for what is held over two runs: each that finds damage
// begins a new segment.
func (tr *trial) config(dir string) string {
	return fmt.Sprintf(`
device: powercut
mqtt: {brokers: ["tcp://%s"]}
topics: {state: %s, event: %s}
streams: [{name: main, topic: %s, interval: 2ms}]
control: {topic: ""}
sensors: [{name: count, driver: simulated, shape: counter}, {name: sim, driver: simulated}]
outbox: {dir: %q, max_size: 8MiB, sync: %s, drain: 0}
log: {level: debug, format: json}
`, tr.sink.addr, stateTopic, eventTopic, longTopic, dir, tr.policy)
}

// run starts an agent on the disk, lets it live, and cuts its power. Unless it is
// hasty, life begins when all is delivered that the cut before has left.
func (tr *trial) run(t *testing.T, hasty bool, live func(*disk, *agent)) {
	t.Helper()
	number := len(tr.runs) + 1
	d := newDevice(tr.image)
	k := mount(t, d)
	defer k.unmount(t)
	a := startAgent(t, tr.config(k.outbox), tr.unsynced)
	defer func() {
		if err := a.kill(); err != nil {
			t.Errorf("run %d: %v", number, err)
		}
	}()
	if !hasty {
		tr.sink.up(t)
		if missing := tr.await(k.held); len(missing) > 0 {
			t.Errorf("run %d: %d of the %d readings on the disk are not delivered, the first is %v\n%s",
				number, len(missing), len(k.held), missing[0], a.text())
		}
	}
	tr.lag = 0
	live(k, a)
	image, at := d.cut(tr.rnd)
	if err := a.kill(); err != nil {
		t.Fatalf("run %d: %v", number, err)
	}
	for _, f := range a.faults {
		t.Errorf("run %d: %s", number, f)
	}
	tr.image = image
	tr.runs = append(tr.runs, run{a.epoch, a.queued, at, tr.lag})
}

// await waits for readings to be delivered and returns those that are not.
func (tr *trial) await(readings []id) (missing []id) {
	missing = readings
	eventually(func() bool {
		for len(missing) > 0 && tr.sink.has(missing[0]) {
			missing = missing[1:]
		}
		return len(missing) == 0
	})
	return missing
}

// live is a life of up to the given time. Now and then the kernel writes to the
// disk what it holds of the outbox, as it may do at any time. If the broker is
// flaky it is down about half of the time, and every other life ends in an
// outage that may be long.
func (tr *trial) live(t *testing.T, k *disk, most time.Duration, flaky bool) {
	end := time.Now().Add(tr.upTo(most))
	outage := end
	if tr.rnd.IntN(2) == 0 {
		outage = end.Add(-tr.upTo(3 * time.Second))
	}
	down, turn := false, time.Now()
	for time.Now().Before(end) {
		if tr.rnd.IntN(4) == 0 {
			k.writeBack()
		}
		now := time.Now()
		switch {
		case !flaky:
		case now.After(outage):
			tr.sink.down()
		case now.After(turn) && down:
			tr.sink.up(t)
			down, turn = false, now.Add(tr.upTo(1500*time.Millisecond))
		case now.After(turn):
			tr.sink.down()
			down, turn = true, now.Add(tr.upTo(1500*time.Millisecond))
		}
		rest := tr.upTo(50 * time.Millisecond)
		began := time.Now()
		time.Sleep(rest)
		tr.lag = max(tr.lag, time.Since(began)-rest)
	}
}

func (tr *trial) upTo(d time.Duration) time.Duration {
	return time.Duration(tr.rnd.Int64N(int64(d)))
}

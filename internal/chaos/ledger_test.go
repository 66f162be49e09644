package chaos

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// A ledger accounts for every reading, by (epoch, seq): those an agent said it
// had taken against those that arrived.
type ledger struct {
	mu       sync.Mutex
	epochs   map[uint64]*epoch
	lanes    map[lane]number // the last of each
	last     time.Time       // when something new arrived
	sum      account
	problems []string // the first of them
}

// A number is what identifies a reading of a device.
type number struct{ epoch, seq uint64 }

func (n number) String() string { return fmt.Sprintf("%d/%d", n.epoch, n.seq) }

// before reports whether n was taken before m.
func (n number) before(m number) bool {
	return n.epoch < m.epoch || n.epoch == m.epoch && n.seq < m.seq
}

// A lane is one of the two in which an agent sends over a connection: within
// it numbers only grow.
type lane struct {
	conn   int
	replay bool
}

type epoch struct {
	held    uint64            // readings 1..held were taken
	arrived map[uint64]string // what came of each, by seq
	highest uint64            // of those that arrived
	start   string            // the event that began it
	begin   event             // the same
	asked   bool              // the agent was asked to end; it may have been killed over it
	clean   bool              // it ended in order
}

// An account sums a ledger up.
type account struct {
	Held       int           // readings taken
	Arrived    int           // different readings that came
	Duplicates int           // that came again
	Replayed   int           // that came by the backlog lane
	Reordered  int           // came after a later one of their lane
	Changed    int           // duplicates with another content
	Unknown    int           // came without having been taken
	Lost       int           // taken, and never came
	Silence    time.Duration // the longest without anything new
}

// reading is what identifies a message.
type reading struct {
	Epoch  uint64
	Seq    uint64
	Replay bool
}

// event is what an agent tells of its delivery.
type event struct {
	Type      string
	Epoch     uint64
	PrevEpoch uint64 `json:"prev_epoch"`
	PrevLast  uint64 `json:"prev_last"`
	Clean     bool
}

func newLedger() *ledger {
	return &ledger{epochs: map[uint64]*epoch{}, lanes: map[lane]number{}}
}

// epoch returns the page of an epoch; l.mu is held.
func (l *ledger) epoch(n uint64) *epoch {
	e := l.epochs[n]
	if e == nil {
		e = &epoch{arrived: map[uint64]string{}}
		l.epochs[n] = e
	}
	return e
}

// problem notes what is wrong; l.mu is held.
func (l *ledger) problem(format string, args ...any) {
	if len(l.problems) < 20 {
		l.problems = append(l.problems, fmt.Sprintf(format, args...))
	}
}

// held notes that an agent has taken a reading.
func (l *ledger) held(n number) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.epoch(n.epoch)
	if n.seq != e.held+1 {
		l.problem("%v was taken after %d", n, e.held)
	}
	e.held = n.seq
}

// ended notes that an agent that had been asked to end did so, in order or not.
func (l *ledger) ended(n uint64, clean bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.epoch(n)
	e.asked, e.clean = true, clean
}

// Marks that may differ between duplicates: they say how a message came, not
// what it is.
var unmarked = strings.NewReplacer(`,"replay":true`, "", `,"clock":"unsynced"`, "")

// note notes a message, whatever it is.
func (l *ledger) note(conn int, m message) {
	switch m.topic {
	case fastTopic, slowTopic:
		l.arrived(conn, m.topic, m.payload)
	case eventTopic:
		l.told(m.payload)
	}
}

// arrived notes a message of one of the streams, which came by a connection of
// the agent.
func (l *ledger) arrived(conn int, topic string, payload []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var r reading
	if err := json.Unmarshal(payload, &r); err != nil || r.Epoch == 0 || r.Seq == 0 {
		l.problem("on %s came no reading: %s", topic, payload)
		return
	}
	n := number{r.Epoch, r.Seq}
	in := lane{conn, r.Replay}
	if last := l.lanes[in]; !last.before(n) {
		l.sum.Reordered++
		l.problem("%v came after %v, %+v", n, last, in)
	}
	l.lanes[in] = n
	if r.Replay {
		l.sum.Replayed++
	}

	e := l.epoch(n.epoch)
	content := topic + " " + unmarked.Replace(string(payload))
	before, again := e.arrived[n.seq]
	switch {
	case again && before != content:
		l.sum.Changed++
		l.problem("%v came as %s and again as %s", n, before, content)
		fallthrough
	case again:
		l.sum.Duplicates++
		return
	}
	e.arrived[n.seq] = content
	e.highest = max(e.highest, n.seq)
	now := time.Now()
	if !l.last.IsZero() {
		l.sum.Silence = max(l.sum.Silence, now.Sub(l.last))
	}
	l.last = now
}

// told notes an event.
func (l *ledger) told(payload []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var v event
	if err := json.Unmarshal(payload, &v); err != nil {
		l.problem("no event: %s", payload)
		return
	}
	switch e := l.epoch(v.Epoch); {
	case v.Type == "gap":
		l.problem("given up: %s", payload)
	case v.Type != "start":
	case e.start != "" && e.start != string(payload):
		l.problem("epoch %d began with %s and again with %s", v.Epoch, e.start, payload)
	default:
		e.start, e.begin = string(payload), v
	}
}

// readings returns what has arrived.
func (l *ledger) readings() []number {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []number
	for n, e := range l.epochs {
		for seq := range e.arrived {
			list = append(list, number{n, seq})
		}
	}
	return list
}

// heard reports whether anything of an epoch has arrived.
func (l *ledger) heard(epoch uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.epochs[epoch]
	return e != nil && len(e.arrived) > 0
}

// missing is how much has not arrived yet: readings taken, and beginnings of
// their epochs.
func (l *ledger) missing() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.account().Lost
	for _, e := range l.epochs {
		if e.start == "" {
			n++
		}
	}
	return n
}

// close returns the account and all that is wrong with it.
func (l *ledger) close() (account, []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := l.account()
	if sum.Lost > 0 {
		l.problem("lost %d", sum.Lost)
	}
	if sum.Unknown > 0 {
		l.problem("%d came that had not been taken", sum.Unknown)
	}
	l.checkStarts()
	return sum, l.problems
}

func (l *ledger) account() account {
	sum := l.sum
	for _, e := range l.epochs {
		sum.Held += int(e.held)
		sum.Arrived += len(e.arrived)
		for seq := uint64(1); seq <= e.held; seq++ {
			if _, ok := e.arrived[seq]; !ok {
				sum.Lost++
			}
		}
		// One may have been taken by an agent that was killed before it
		// could say so.
		if e.highest > e.held+1 {
			sum.Unknown += int(e.highest - e.held - 1)
		}
	}
	return sum
}

// checkStarts checks that the events about epochs are there and true.
func (l *ledger) checkStarts() {
	numbers := slices.Sorted(maps.Keys(l.epochs))
	for i, n := range numbers {
		e := l.epochs[n]
		if e.start == "" {
			l.problem("epoch %d, %d of %d with %d readings, has no beginning", n, i+1, len(numbers), e.held)
			continue
		}
		b := e.begin
		if i == 0 {
			if b.PrevEpoch != 0 {
				l.problem("the first epoch follows another: %s", e.start)
			}
			continue
		}
		// Between the two one may have died before it said a word.
		if b.PrevEpoch < numbers[i-1] || b.PrevEpoch >= n {
			l.problem("epoch %d comes behind %d: %s", n, numbers[i-1], e.start)
		}
		prev := l.epochs[b.PrevEpoch]
		if prev == nil {
			continue
		}
		// If so, of the end of both it is not known whether it was in order.
		unclean := !b.Clean && b.PrevEpoch+1 == n
		if last := max(prev.held, prev.highest); b.PrevLast != last || b.Clean && !prev.asked || unclean && prev.clean {
			l.problem("epoch %d ended with %d, asked to %t, clean %t: %s", b.PrevEpoch, last, prev.asked, prev.clean, e.start)
		}
	}
}

package powercut

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

// The topics of an agent under test.
const (
	valueTopic   = "powercut/value"
	stateTopic   = "powercut/state"
	eventTopic   = "powercut/event"
	controlTopic = "powercut/interval"
)

// longTopic stands for valueTopic where much is to be written: each record
// carries its topic.
var longTopic = valueTopic + "/" + strings.Repeat("long", 200)

// An id names a reading for ever.
type id struct{ Epoch, Seq uint64 }

func (a id) before(b id) bool { return a.Epoch < b.Epoch || a.Epoch == b.Epoch && a.Seq < b.Seq }

// A message is what matters of a message with a reading.
type message struct {
	Epoch, Seq uint64
	Value      *int // of a sensor that counts from the start of the agent
	Replay     bool
}

// counts reports whether the value goes with the number of the reading. On a busy
// machine a few of the sensor's answers serve two readings, or none.
func (m message) counts() bool {
	const few = 16
	apart := int8(*m.Value - int(m.Seq-1)) // the sensor goes from 255 on to 0
	return *m.Value>>8 == 0 && -few <= apart && apart <= few
}

// An event is what matters of an event.
type event struct {
	Type      string
	Epoch     uint64
	PrevEpoch uint64 `json:"prev_epoch"`
	PrevLast  uint64 `json:"prev_last"`
	Clean     *bool
	From, To  uint64
	Count     uint64
}

// A state is what matters of the agent's state.
type state struct {
	Outbox struct{ Written int64 }
}

// received is what a sink has received.
type received struct {
	mu     sync.Mutex
	times  map[id]int // how many times each reading was
	late   int        // messages without a value, as the sensor did not answer in time
	events []event
	states []state
	faults []string // what must not be
}

// note takes down what was received. Within a lane of a connection readings come
// in the order in which they were made.
func (r *received) note(topic string, payload []byte, lanes *[2]id) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	switch topic {
	case valueTopic, longTopic:
		var m message
		err = json.Unmarshal(payload, &m)
		if err != nil {
			break
		}
		switch {
		case m.Value == nil:
			r.late++
		case !m.counts():
			r.fault("changed on its way: %s", payload)
		}
		lane := &lanes[0]
		if m.Replay {
			lane = &lanes[1]
		}
		reading := id{m.Epoch, m.Seq}
		if !lane.before(reading) {
			r.fault("out of order: %v after %v, replay %t", reading, *lane, m.Replay)
		}
		*lane = reading
		r.times[reading]++
	case eventTopic:
		var e event
		err = json.Unmarshal(payload, &e)
		r.events = append(r.events, e)
	case stateTopic:
		var s state
		err = json.Unmarshal(payload, &s)
		r.states = append(r.states, s)
	}
	if err != nil {
		r.fault("on %s: %v: %s", topic, err, payload)
	}
}

// fault notes what must not be; r.mu is held.
func (r *received) fault(format string, args ...any) {
	if len(r.faults) < 20 {
		r.faults = append(r.faults, fmt.Sprintf(format, args...))
	}
}

// has reports whether a reading was received.
func (r *received) has(reading id) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.times[reading] > 0
}

// readings is how many different readings were received.
func (r *received) readings() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.times)
}

// state returns the newest state, and how many there were.
func (r *received) state() (newest state, count int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if count = len(r.states); count > 0 {
		newest = r.states[count-1]
	}
	return newest, count
}

// patience is how long a test waits for what must happen on a busy machine.
const patience = time.Minute

// eventually reports whether something came true in time.
func eventually(is func() bool) bool {
	for deadline := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

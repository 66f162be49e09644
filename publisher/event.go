package publisher

import (
	"encoding/json"
	"time"

	"sensor-agent/internal/clock"
)

// event is what happened to delivery, as JSON on the event topic. It travels
// through the outbox with the readings, so that it arrives in its place among
// them, and as surely.
type event struct {
	Type   string `json:"type"` // start, gap or clock
	Device string `json:"device"`
	Epoch  uint64 `json:"epoch"`

	// start: an epoch has begun, and the one before has ended with prev_last.
	// Not clean means that it ended without the chance to say so, so that a
	// reading after prev_last may be missing.
	PrevEpoch uint64  `json:"prev_epoch,omitempty"`
	PrevLast  *uint64 `json:"prev_last,omitempty"`
	Clean     *bool   `json:"clean,omitempty"`

	// gap: of the readings from..to of the epoch, count will never come.
	From  uint64 `json:"from,omitempty"`
	To    uint64 `json:"to,omitempty"`
	Count uint64 `json:"count,omitempty"`

	// clock: the clock was set, or moved. Timestamps of this boot that were
	// marked unsynced are right when shift seconds are added.
	Shift *float64 `json:"shift,omitempty"`
	Set   *bool    `json:"set,omitempty"` // it is reliable from now on

	Reason string `json:"reason,omitempty"`
}

// record puts an event into the outbox.
func (p *Publisher) record(e event) {
	e.Device = p.Device
	body, err := json.Marshal(e)
	if err != nil {
		p.Log.Error("an event is lost", "err", err) // texts and finite numbers: cannot be
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.append(record{qos: 1, kind: kindEvent, at: p.Clock.Stamp(time.Now()), topic: []byte(p.Topics.Event), body: body}, 0)
}

// announce records the beginning of the epoch.
func (p *Publisher) announce() {
	e := event{Type: "start", Epoch: p.epoch}
	if prev := p.Outbox.Previous(); prev.Epoch > 0 {
		e.PrevEpoch, e.PrevLast, e.Clean = prev.Epoch, &prev.LastSeq, &prev.Clean
	}
	p.record(e)
}

// confess records the readings that the outbox has given up, if any.
func (p *Publisher) confess() bool {
	gaps := p.Outbox.Gaps()
	if len(gaps) == 0 {
		return false
	}
	for _, g := range gaps {
		p.Log.Warn("readings given up", "epoch", g.Epoch, "from", g.From, "to", g.To, "count", g.Count, "err", g.Reason)
		p.record(event{Type: "gap", Epoch: g.Epoch, From: g.From, To: g.To, Count: g.Count, Reason: g.Reason})
	}
	p.Outbox.Told()
	return true
}

// ClockChanged records that the clock was set or moved.
func (p *Publisher) ClockChanged(c clock.Change) {
	shift := c.Shift.Round(time.Millisecond).Seconds()
	p.record(event{Type: "clock", Epoch: p.epoch, Shift: &shift, Set: &c.Set})
}

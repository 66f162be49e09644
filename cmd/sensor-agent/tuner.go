package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"path/filepath"
	"reflect"
	"sync"
	"time"

	"sensor-agent/control"
	"sensor-agent/internal/config"
	"sensor-agent/internal/sampler"
	"sensor-agent/publisher"
)

const (
	// savePause is the least time between two writes of the memory.
	savePause = time.Second
	// warnPause is the least time between two lines about rejected commands.
	warnPause = time.Minute
)

// tuner gives control what it lacks on purpose: a clock, a memory on disk, and
// hands.
type tuner struct {
	log   *slog.Logger
	path  string   // of the memory; "" for none
	names []string // of the streams

	saved     control.Memory
	unsaved   bool      // the memory may have changed since it was saved
	saveAfter time.Time // not before
	warnAfter time.Time // of rejected commands, not before
	unwarned  int       // rejected since, and not logged

	mu      sync.Mutex
	control *control.Control
}

func newTuner(c *config.Config, log *slog.Logger) *tuner {
	t := &tuner{log: log}
	var streams []control.Stream
	for _, s := range c.Streams {
		t.names = append(t.names, s.Name)
		streams = append(streams, control.Stream{Name: s.Name, Default: s.Interval})
	}
	var memory control.Memory
	if c.Control.Remember && c.Outbox.Dir != "" {
		t.path = filepath.Join(c.Outbox.Dir, "intervals.json")
		var err error
		if memory, err = control.LoadMemory(t.path); err != nil {
			log.Warn("starting with the configured intervals", "err", err)
		}
	}
	t.control = control.New(c.Device, streams, control.Limits{Min: c.Control.Min, Max: c.Control.Max}, memory)
	// What was out of date is forgotten for good, or it would be back when the
	// configuration is edited back.
	if kept := t.control.Memory(); t.path != "" && !maps.Equal(kept.Streams, memory.Streams) {
		if err := control.SaveMemory(t.path, kept); err != nil {
			log.Warn("the intervals of earlier commands are not forgotten", "err", err)
		}
	}
	for i, s := range c.Streams {
		if d := t.control.Interval(i); d != s.Interval {
			log.Info("going on with the interval of an earlier command", "stream", s.Name, "interval", d)
		}
	}
	return t
}

// run obeys commands and ends leases until ctx ends.
func (t *tuner) run(ctx context.Context, p *publisher.Publisher, s *sampler.Sampler) error {
	alarm := time.NewTimer(time.Hour)
	defer alarm.Stop()
	for {
		alarm.Reset(t.next())
		select {
		case r := <-p.Commands():
			t.obey(r, p, s)
		case <-alarm.C:
			t.expire(p, s)
			t.save(time.Now())
		case <-ctx.Done():
			t.save(t.saveAfter)
			return nil
		}
	}
}

// next is how long there is nothing to do but commands.
func (t *tuner) next() time.Duration {
	wait := time.Hour
	if t.unsaved {
		wait = time.Until(t.saveAfter)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if end, ok := t.control.Expiry(); ok {
		wait = min(wait, time.Until(end))
	}
	return wait
}

func (t *tuner) obey(r publisher.Received, p *publisher.Publisher, s *sampler.Sampler) {
	now := time.Now()
	t.mu.Lock()
	d := t.control.Command(r.Payload, r.Retained, now)
	t.mu.Unlock()

	for _, c := range d.Changes {
		s.SetInterval(c.Stream, c.Interval, now)
	}
	if d.Ack == nil {
		return
	}
	if d.Ack.Result == control.Applied {
		for _, c := range d.Changes {
			t.log.Info("interval changed", "topic", r.Topic, "stream", t.names[c.Stream], "interval", c.Interval, "until", d.Ack.Until)
		}
		p.StateChanged()
	} else {
		t.warnRejected(now, r.Topic, d.Ack.Reason)
	}
	answer, err := json.Marshal(d.Ack)
	if err != nil {
		t.log.Error("answering a command", "err", err) // an Ack of texts and finite numbers: cannot be
		return
	}
	p.Answer(answer)
	t.unsaved = t.unsaved || d.Remember && t.path != ""
	t.save(now)
}

// save writes the memory, but not more often than a card should be written
// because of strangers' commands; run calls it again when it may.
func (t *tuner) save(now time.Time) {
	if !t.unsaved || now.Before(t.saveAfter) {
		return
	}
	t.unsaved, t.saveAfter = false, now.Add(savePause)
	t.mu.Lock()
	memory := t.control.Memory()
	t.mu.Unlock()
	if reflect.DeepEqual(memory, t.saved) {
		return
	}
	t.saved = memory
	if err := control.SaveMemory(t.path, memory); err != nil {
		t.log.Warn("the interval will not survive a restart", "err", err)
	}
}

// warnRejected logs a rejected command, and of a flood of them the first in a
// minute.
func (t *tuner) warnRejected(now time.Time, topic, reason string) {
	if now.Before(t.warnAfter) {
		t.unwarned++
		return
	}
	t.log.Warn("command rejected", "topic", topic, "err", reason, "not_logged_before", t.unwarned)
	t.warnAfter, t.unwarned = now.Add(warnPause), 0
}

func (t *tuner) expire(p *publisher.Publisher, s *sampler.Sampler) {
	now := time.Now()
	t.mu.Lock()
	changes := t.control.Expire(now)
	t.mu.Unlock()
	for _, c := range changes {
		s.SetInterval(c.Stream, c.Interval, now)
		t.log.Info("lease ended", "stream", t.names[c.Stream], "interval", c.Interval)
		p.StateChanged()
	}
}

func (t *tuner) state() map[string]control.StreamState {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.control.State(time.Now())
}

//go:build linux

package main

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// A trouble is something that goes wrong for a while: a wire has a fault, or
// begin and end say what.
type trouble struct {
	name       string
	hits       []*sensor // who may suffer; everybody else must not
	mild       bool      // the agent may ride it out: readings need not stop
	lasts      time.Duration
	wire       *wire
	fault      fault
	begin, end func() error
}

// takes is longer than any reading of a healthy sensor.
const takes = 500 * time.Millisecond

func (p *pi) troubles() []trouble {
	var all []trouble
	for _, s := range p.sensors {
		all = append(all, trouble{
			name: s.name + " unplugged", hits: []*sensor{s}, lasts: 2 * time.Second,
			begin: func() error { s.plug(false); return nil },
			end:   func() error { s.plug(true); return nil },
		})
	}
	on1, on0, onSPI := []*sensor{p.air, p.gas, p.volts}, []*sensor{p.light}, []*sensor{p.dial}
	losing := slices.Concat(on1, on0)
	bus1, bus0, port := p.i2c[1].wire, p.i2c[0].wire, p.spi.wire
	return append(
		all,
		trouble{name: "I2C not acknowledged now and then", hits: on1, mild: true, lasts: 3 * time.Second, wire: bus1, fault: fault{nak: 0.1}},
		trouble{name: "I2C bits flipped when read", hits: on1, mild: true, lasts: 4 * time.Second, wire: bus1, fault: fault{flipRead: 0.1}},
		trouble{name: "I2C bits flipped when written", hits: on1, mild: true, lasts: 4 * time.Second, wire: bus1, fault: fault{flipWrite: 0.05}},
		trouble{name: "bits of light flipped when read", hits: on0, mild: true, lasts: 4 * time.Second, wire: bus0, fault: fault{flipRead: 0.3}},
		trouble{name: "SPI bits flipped", hits: onSPI, mild: true, lasts: 4 * time.Second, wire: port, fault: fault{flipRead: 0.3}},
		trouble{name: "I2C held low", hits: on1, lasts: 5 * time.Second, wire: bus1, fault: fault{held: true}},
		trouble{name: "I2C adapter hangs", hits: on1, lasts: 5 * time.Second, wire: bus1, fault: fault{held: true, deaf: true}},
		trouble{name: "SPI hangs", hits: onSPI, lasts: 4 * time.Second, wire: port, fault: fault{held: true}},
		trouble{
			name: "brown-out", hits: losing, mild: true, lasts: takes,
			begin: func() error {
				for _, s := range losing {
					s.reset()
				}
				return nil
			},
			end: func() error { return nil },
		},
		trouble{name: "I2C adapter out and in", hits: on1, lasts: 2 * time.Second, begin: p.i2c[1].pull, end: p.i2c[1].plug},
		trouble{name: "SPI port gone and back", hits: onSPI, lasts: 2 * time.Second, begin: p.spi.pull, end: p.spi.plug},
	)
}

func (p *pi) showFaults() {
	time.Sleep(2 * time.Second)
	p.step("the weather", func() (string, error) {
		now := time.Now()
		return "every stream on its grid", each(p.sensors, func(s *sensor) error { return p.checkGrid(s.stream, now.Add(-2*time.Second), now.Add(-takes)) })
	})
	for _, t := range p.troubles() {
		p.step(t.name, func() (string, error) {
			seen, err := p.suffer(t)
			if t.wire != nil && t.wire.takeSpoiled() == 0 {
				err = errors.Join(err, errors.New("no transaction was spoiled: nothing is shown"))
			}
			return seen, err
		})
	}
	p.step("brown-out at every transaction", p.brownOuts)
}

// suffer lets a trouble pass and checks what came of it.
func (p *pi) suffer(t trouble) (seen string, err error) {
	if t.wire != nil {
		t.begin = func() error { t.wire.setFault(t.fault); return nil }
		t.end = func() error { t.wire.setFault(fault{}); return nil }
	}
	began := time.Now()
	if err := t.begin(); err != nil {
		return "", err
	}
	time.Sleep(t.lasts)
	errs := []error{t.end()}
	ended := time.Now()
	for _, s := range t.hits {
		// A tick under way when it began, and one when it ended, may be well.
		if m, ok := p.next(s.name, began.Add(s.interval)); ok && !t.mild && m.at.Before(ended.Add(-s.interval)) {
			errs = append(errs, fmt.Errorf("%s did not suffer: %s", s.name, m.body))
		}
		back, err := p.recovery(s, ended)
		errs = append(errs, err)
		seen += fmt.Sprintf("%s back after %d ms, ", s.name, back.Milliseconds())
	}
	time.Sleep(time.Second + takes) // until each has ticked again
	now := time.Now()
	for _, s := range p.others(t.hits) {
		errs = append(errs, p.checkGrid(s.stream, began, now.Add(-takes)))
	}
	errs = append(errs, p.takeWrong())
	return seen + "the others on their grid", errors.Join(errs...)
}

// recovery waits for a sensor's first complete reading after an instant and
// returns how long that took. The next tick has to bring it, or the one after
// if an attempt was under way at that.
func (p *pi) recovery(s *sensor, from time.Time) (time.Duration, error) {
	var m message
	const patience = 15 * time.Second
	err := within(patience, "a complete message of "+s.name, func() (ok bool) {
		m, ok = p.next(s.name, from)
		return ok
	})
	if err != nil {
		return patience, err
	}
	back := m.at.Sub(from)
	if back > s.interval+takes {
		return back, fmt.Errorf("%s was back after %v only, its interval is %v", s.name, back, s.interval)
	}
	return back, nil
}

// brownOuts resets each chip just before the first, the second, the third …
// transaction of a reading: one after the other, whatever it is in the middle
// of.
func (p *pi) brownOuts() (string, error) {
	const rounds = 14 // more transactions than any driver makes for a reading
	chips := slices.DeleteFunc(slices.Clone(p.sensors), func(s *sensor) bool { return s.reset == nil })
	err := each(chips, func(s *sensor) error {
		for n := range rounds {
			lapse := s.wire.lapse(s.address, n, s.reset)
			select {
			case <-lapse.done:
			case <-time.After(10 * time.Second):
				return fmt.Errorf("%s: no %d transactions in 10 s", s.name, n)
			}
			if _, err := p.recovery(s, time.Now()); err != nil {
				return fmt.Errorf("transaction %d: %w", n, err)
			}
		}
		return nil
	})
	return fmt.Sprintf("%d chips, %d times each", len(chips), rounds), errors.Join(err, p.takeWrong())
}

// showEnd ends the agent, after which every message is accounted for.
func (p *pi) showEnd() {
	p.step("the end", func() (string, error) {
		if err := p.agent.stop(); err != nil {
			return "", err
		}
		time.Sleep(200 * time.Millisecond) // for the broker to pass on the last
		n, err := p.checkSeqs()
		return fmt.Sprintf("%d messages, none lost", n), errors.Join(err, p.takeWrong())
	})
}

//go:build linux

package main

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// What a process may hold more at the end of a soak than after its first
// minute. Go's memory comes and goes by some hundred KiB, and it keeps a thread
// for each that once hung in the kernel, of which each bus may have 4.
const (
	moreMemory  = 1024 // KiB
	moreThreads = 4
)

// soak goes on breaking things at random, one after the other, and checks each
// time all that a step by itself does.
func (p *pi) soak(d time.Duration) {
	rnd := rand.New(rand.NewPCG(p.seed, 2))
	all := p.troubles()
	begin := time.Now()
	var warm footprint
	count := map[string]int{}
	for time.Since(begin) < d {
		t := all[rnd.IntN(len(all))]
		t.lasts = time.Duration(500+rnd.IntN(5000)) * time.Millisecond
		t.mild = true // a short one may fall between two ticks
		count[t.name]++
		if _, err := p.suffer(t); err != nil {
			p.step(fmt.Sprintf("soak, after %v, %s for %v", time.Since(begin).Round(time.Second), t.name, t.lasts.Round(time.Millisecond)),
				func() (string, error) { return "", err })
		}
		time.Sleep(time.Duration(rnd.IntN(3000)) * time.Millisecond)
		if warm.memory == 0 && time.Since(begin) > time.Minute {
			warm, _ = p.agent.least() // its error comes again
		}
	}
	p.step("soak", func() (string, error) {
		last, err := p.agent.least()
		if last.memory > warm.memory+moreMemory || last.threads > warm.threads+moreThreads || last.descriptors > warm.descriptors {
			err = errors.Join(err, fmt.Errorf("the agent has grown: %v at first, %v now", warm, last))
		}
		var troubles []string
		for _, name := range slices.Sorted(maps.Keys(count)) {
			troubles = append(troubles, fmt.Sprintf("%d× %s", count[name], name))
		}
		return fmt.Sprintf("%v; at first %v, at the end %v; %s", d, warm, last, strings.Join(troubles, ", ")), err
	})
}

// least is the smallest footprint of some seconds, as memory that is waste
// already comes on top.
func (a *agent) least() (least footprint, err error) {
	for range 20 {
		f, err := a.footprint()
		if err != nil {
			return least, err
		}
		if least.memory == 0 {
			least = f
		}
		least = footprint{min(least.memory, f.memory), min(least.threads, f.threads), min(least.descriptors, f.descriptors)}
		time.Sleep(500 * time.Millisecond)
	}
	return least, nil
}

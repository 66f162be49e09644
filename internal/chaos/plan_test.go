package chaos

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// What a plan has beside the faults of a network.
const (
	brokerDies  fault = "broker dies"
	agentKilled fault = "agent killed"
	agentEnded  fault = "agent ended" // by SIGTERM
)

// A step of a plan is one fault.
type step struct {
	at    time.Duration // from the beginning
	what  fault
	lasts time.Duration
}

// newPlan returns what is to happen within a time, in order: at random
// instants, of random length, overlapping as it happens. Most faults are
// short, a few last longer than the agent's patience.
func newPlan(r *rand.Rand, total time.Duration) []step {
	longest := min(total/8, 15*time.Second)
	var plan []step
	between := []fault{reset, refused, stalled, blackhole, deaf, brokerDies}
	for i := range max(18, int(total/(5*time.Second))) {
		u := r.Float64()
		lasts := 100*time.Millisecond + time.Duration(u*u*u*float64(longest))
		plan = append(plan, step{randomly(r, total), between[i%len(between)], lasts})
	}
	for i := range max(12, int(total/(4*time.Second))) {
		s := step{at: randomly(r, total), what: agentKilled}
		switch i % 5 {
		case 0:
			s.what = agentEnded
		case 1: // and once more while it starts
			plan = append(plan, step{at: s.at + randomly(r, 200*time.Millisecond), what: agentKilled})
		}
		plan = append(plan, s)
	}
	slices.SortFunc(plan, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	return plan
}

// randomly is a time up to a limit.
func randomly(r *rand.Rand, limit time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(limit)))
}

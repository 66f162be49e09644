package publisher

import "time"

// paceStep is how often a paced backlog gets leave to go on.
const paceStep = 20 * time.Millisecond

// pace bounds how many messages of the backlog go out a second, in bunches of
// a few milliseconds.
type pace struct {
	rate    int // a second; 0: no bound
	leave   float64
	since   time.Time
	waiting bool
	timer   *time.Timer
}

func newPace(rate int) pace {
	p := pace{rate: rate, since: time.Now(), timer: time.NewTimer(time.Hour)}
	p.timer.Stop()
	return p
}

// take asks leave for one message. When it is refused, due receives when there
// is leave again.
func (p *pace) take() bool {
	if p.rate == 0 {
		return true
	}
	now := time.Now()
	most := max(1, float64(p.rate)*2*paceStep.Seconds())
	p.leave = min(most, p.leave+now.Sub(p.since).Seconds()*float64(p.rate))
	p.since = now
	if p.leave >= 1 {
		p.leave--
		return true
	}
	if !p.waiting {
		p.waiting = true
		p.timer.Reset(max(paceStep, time.Second/time.Duration(p.rate)))
	}
	return false
}

func (p *pace) due() <-chan time.Time { return p.timer.C }

func (p *pace) stop() { p.timer.Stop() }

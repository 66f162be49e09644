package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
)

// A row is one figure of each program, and what the agent's should be.
type row struct {
	what   string
	digits int     // after the point
	agent  float64 // all three: NaN when there is none
	script float64
	pub    float64 // mosquitto_pub
	goal   goal    // the zero value for a figure without one
}

// A goal is a bound on the agent's figure.
type goal struct {
	text string
	met  func(r row) bool
}

// none is a figure that was not measured.
var none = math.NaN()

func atMost(limit float64, unit string) goal {
	return goal{fmt.Sprintf("≤ %v %s", limit, unit), func(r row) bool { return r.agent <= limit }}
}

func atLeast(limit float64) goal {
	return goal{fmt.Sprintf("≥ %v", limit), func(r row) bool { return r.agent >= limit }}
}

func atMostScript(share float64) goal {
	return goal{fmt.Sprintf("≤ %.2f script", share), func(r row) bool { return r.agent <= share*r.script }}
}

func atLeastPub(share float64) goal {
	return goal{fmt.Sprintf("≥ %.2f mosquitto_pub", share), func(r row) bool { return r.agent >= share*r.pub }}
}

// and is both goals at once.
func (g goal) and(h goal) goal {
	return goal{g.text + ", " + h.text, func(r row) bool { return g.met(r) && h.met(r) }}
}

// verdict says in a word how the agent stands.
func (r row) verdict() string {
	switch {
	case r.goal.met == nil:
		return ""
	case math.IsNaN(r.agent):
		return "not measured"
	case r.goal.met(r):
		return "ok"
	default:
		return "MISS"
	}
}

// printTable writes the rows, with the agent's ratio to the others.
func printTable(w io.Writer, rows []row) error {
	const layout = "%-42s %9s %9s %14s %9s %7s  %-24s %s\n"
	_, err := fmt.Fprintf(w, layout, "", "agent", "script", "mosquitto_pub", "÷ script", "÷ pub", "goal", "")
	for _, r := range rows {
		if err != nil {
			break
		}
		_, err = fmt.Fprintf(w, layout, r.what, figure(r.agent, r.digits), figure(r.script, r.digits), figure(r.pub, r.digits),
			figure(r.agent/r.script, 2), figure(r.agent/r.pub, 2), r.goal.text, r.verdict())
	}
	return err
}

// figure writes a number, or a dash when there is none.
func figure(v float64, digits int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

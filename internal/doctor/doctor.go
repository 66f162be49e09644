// Package doctor looks for what goes wrong on a Raspberry Pi that publishes
// nothing, and says of each thing whether it is well or what to do about it.
//
// Each check is a function of what it looks at, and returns findings; none
// depends on another having passed, unless one is handed on. It says what an
// agent that runs would log, in the same words: they are those of the errors of
// the buses, the outbox and the publisher (package advice). It changes nothing
// on the machine, has a deadline for whatever can hang, and publishes only what
// an agent would publish: true readings, not retained.
//
// It does not look for chips: that is package scan.
package doctor

import (
	"fmt"
	"sync"

	"sensor-agent/internal/advice"
)

// A Check is the name of one thing that is looked at.
type Check string

// The checks, in the order they are made. docs/doctor.md explains each.
const (
	Configuration Check = "configuration"
	Service       Check = "service"
	Agent         Check = "agent"
	Power         Check = "power"
	Clock         Check = "clock"
	Outbox        Check = "outbox"
	Bus           Check = "bus"
	Access        Check = "access"
	Address       Check = "address"
	Sensor        Check = "sensor"
	Broker        Check = "broker"
	Publish       Check = "publish"
	Commands      Check = "commands"
	ClientID      Check = "client id"
)

// Checks lists every check.
func Checks() []Check {
	return []Check{
		Configuration, Service, Agent, Power, Clock, Outbox, Bus, Access, Address,
		Sensor, Broker, Publish, Commands, ClientID,
	}
}

// Status is how a check ended.
type Status string

// The ways a check can end.
const (
	OK      Status = "ok"
	Skipped Status = "skip" // it could not be made, or makes no sense here
	Warning Status = "warn" // the agent works, but not as well as it could
	Failed  Status = "fail" // the agent does not do what it is configured to
)

// A Finding is what a check has found.
type Finding struct {
	Check  Check  `json:"check"`
	Status Status `json:"status"`
	What   string `json:"what"`         // is well, or wrong
	Do     string `json:"do,omitempty"` // about it; there is something for whatever failed
}

func ok(c Check, format string, args ...any) Finding {
	return Finding{c, OK, fmt.Sprintf(format, args...), ""}
}

func skip(c Check, format string, args ...any) Finding {
	return Finding{c, Skipped, fmt.Sprintf(format, args...), ""}
}

// failure is a finding about an error, with its own advice or, failing that,
// another.
func failure(c Check, err error, otherwise string) Finding {
	what, do := advice.Split(err)
	if do == "" {
		do = otherwise
	}
	return Finding{c, Failed, what, do}
}

// Together makes checks side by side and returns what they find in the order of
// the checks.
func Together(checks ...func() []Finding) []Finding {
	found := make([][]Finding, len(checks))
	var wg sync.WaitGroup
	for i, check := range checks {
		wg.Go(func() { found[i] = check() })
	}
	wg.Wait()
	var all []Finding
	for _, f := range found {
		all = append(all, f...)
	}
	return all
}

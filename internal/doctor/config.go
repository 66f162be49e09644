package doctor

import (
	"errors"
	"fmt"
	"strings"

	"sensor-agent/internal/clock"
	"sensor-agent/internal/config"
)

// Config says how reading the configuration at path went. Without one, c and
// err are nil.
func Config(path string, c *config.Config, err error) []Finding {
	if several, isConfig := errors.AsType[config.Errors](err); isConfig {
		var found []Finding
		for _, e := range several {
			what := strings.TrimSuffix(e.Error(), ": "+e.Hint)
			found = append(found, Finding{Configuration, Failed, what, e.Hint})
		}
		return found
	}
	switch {
	case err != nil:
		return []Finding{failure(Configuration, err, "name another with --config FILE, or let the user who runs this read it")}
	case c == nil:
		return []Finding{{
			Configuration, Warning, "there is no configuration: only the machine is looked at",
			"name one with --config FILE, or write one: `sensor-agent scan` prints the sensors for it",
		}}
	}
	found := []Finding{ok(Configuration, "%s: %s", path, describe(c))}
	for _, w := range c.Warnings() {
		found = append(found, Finding{Configuration, Warning, w, ""})
	}
	return found
}

func describe(c *config.Config) string {
	count := func(n int, what string) string {
		if n == 1 {
			return "1 " + what
		}
		return fmt.Sprintf("%d %ss", n, what)
	}
	return fmt.Sprintf("device %s, %s, %s", c.Device, count(len(c.Sensors), "sensor"), count(len(c.Streams), "stream"))
}

// WallClock says whether the time that messages carry is right. synced tells
// whether it is relied on, by what the configuration trusts.
func WallClock(trust config.ClockTrust, synced bool) Finding {
	switch {
	case trust == config.ClockNever:
		return ok(Clock, "not relied on, as configured (clock: never)")
	case trust == config.ClockAlways:
		return ok(Clock, "taken for right, as configured (clock: always)")
	case !synced:
		return Finding{
			Clock, Warning, clock.NotSet,
			"give the device a network with a time server (`timedatectl`), or, if an RTC or GPS keeps its clock right, write clock: always",
		}
	}
	return ok(Clock, "the clock is set")
}

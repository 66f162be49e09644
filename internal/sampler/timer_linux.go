package sampler

import "sensor-agent/internal/rawsys"

func newTimer() (timer, error) { return rawsys.NewTimer() }

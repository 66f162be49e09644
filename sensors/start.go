package sensors

import (
	"errors"
	"time"
)

// ErrIdle is what a chip gives that does not begin to measure.
var ErrIdle = errors.New("the chip does not begin to measure when told to: check its supply, the length of its wires and their pull-ups")

// starts is how often a chip is told, to see it measure.
const starts = 3

// Start has a chip begin to measure: write tells it to, and running looks
// whether it does. A write that was disturbed on the wire may have started
// nothing, and the result of the measurement before would pass for that of this
// one. So a chip that is not seen to measure is told again, and in the end it is
// [ErrIdle].
//
// No measurement takes less than shortest. On a busy machine or a slow bus one
// may be over before it is looked for: it is then made once more. If that
// happens each time, the last is believed in, as not all of the writes have been
// lost.
func Start(shortest time.Duration, write func() error, running func() (bool, error)) error {
	var late bool
	for range starts {
		if err := write(); err != nil {
			return err
		}
		written := time.Now()
		if ok, err := running(); ok || err != nil {
			return err
		}
		late = time.Since(written) >= shortest
	}
	if !late {
		return ErrIdle
	}
	return nil
}

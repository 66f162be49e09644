package chips

import (
	"fmt"
	"syscall"
)

// errNotAcknowledged is what an adapter reports of a chip that is there but
// does not take the transaction: too early, an unknown command, nothing to
// read.
var errNotAcknowledged = fmt.Errorf("the chip does not acknowledge: %w", syscall.EIO)

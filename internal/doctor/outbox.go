package doctor

import (
	"errors"
	"io/fs"
	"os"

	"sensor-agent/internal/advice"
	"sensor-agent/publisher/outbox"
)

// Disk says whether the outbox in dir can be written, and has room to grow to
// maxSize bytes. u is the unit whose agent it is, nil for one started by hand.
func Disk(dir string, maxSize int64, u *Unit) Finding {
	if dir == "" {
		return ok(Outbox, "in memory")
	}
	err := outbox.Usable(dir)
	if u != nil && os.Getuid() != 0 && errors.Is(err, fs.ErrPermission) {
		return skip(Outbox, "%s is for the service's user alone: run this as root, with sudo", dir)
	}
	if err != nil {
		return failure(Outbox, err, "set another outbox.dir")
	}
	if err := outbox.Room(dir, maxSize); err != nil {
		what, do := advice.Split(err)
		return Finding{Outbox, Warning, what, do}
	}
	return ok(Outbox, "%s can be written and has room", dir)
}

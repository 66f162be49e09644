// Package systemd tells the service manager how the agent is doing
// (sd_notify(3)), in the few lines that takes.
package systemd

import (
	"net"
	"os"
)

// Notify sends a state such as "READY=1". Where no service manager listens it
// does nothing; a message lost is no reason to do anything but work on.
func Notify(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	conn, err := net.Dial("unixgram", path) // a name beginning with @ is abstract, for net as for systemd
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state))
}

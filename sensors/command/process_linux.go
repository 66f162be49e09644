package command

import "syscall"

// attributes give the program a process group of its own, and have the kernel
// kill it when the agent is gone, however that came (prctl(2),
// PR_SET_PDEATHSIG).
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

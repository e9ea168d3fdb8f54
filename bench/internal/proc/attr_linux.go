package proc

import "syscall"

// Attr starts a process in a group of its own, and has the kernel end it when the thread that started it ends: start from a goroutine
// that is locked to a thread that lives as long as the program.
func Attr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

//go:build !linux

package proc

import "syscall"

// Attr starts a process as usual; the benchmark is for Linux, this only lets it compile elsewhere.
func Attr() *syscall.SysProcAttr { return nil }

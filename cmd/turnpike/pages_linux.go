package main

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// dropStartPages gives back the pages of the program that only its start has
// touched: some 5 MB of code and tables that every package sets itself up with. They
// are read-only, and what is needed after all comes back from the page cache.
func dropStartPages() {
	self, err := os.Executable()
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for lines := bufio.NewScanner(bytes.NewReader(maps)); lines.Scan(); {
		// 00400000-00eb8000 r-xp 00000000 08:01 123456 /usr/bin/turnpike
		f := strings.Fields(lines.Text())
		if len(f) < 6 || f[5] != self || f[1] != "r-xp" && f[1] != "r--p" {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		start, errFrom := strconv.ParseUint(from, 16, 64)
		end, errTo := strconv.ParseUint(to, 16, 64)
		if errFrom == nil && errTo == nil && start < end {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(start), uintptr(end-start), syscall.MADV_DONTNEED) // advice: it may be refused
		}
	}
}

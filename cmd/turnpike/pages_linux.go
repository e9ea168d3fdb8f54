package main

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// dropPages gives back the pages of the program itself: its code and the tables that
// every package sets itself up with. They are read-only, and what is needed after all
// comes back from the page cache. A start leaves some 5 MB of them that nothing else
// needs, the coming of a thousand streams as much again.
func dropPages() {
	for _, m := range programMaps() {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, syscall.MADV_DONTNEED) // advice: it may be refused
	}
}

type span struct{ start, end uintptr }

// programMaps are the read-only parts of the program as they lie in memory.
var programMaps = sync.OnceValue(func() (spans []span) {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil
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
			spans = append(spans, span{uintptr(start), uintptr(end)})
		}
	}
	return spans
})

// Package proc reads from Linux's /proc what a process and its children have used.
package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ticks is how many units of /proc's times make a second: USER_HZ, 100 on Linux for programs on every architecture Go supports.
const ticks = 100

// Family lists a process and all that descend from it.
func Family(root int) []int {
	children := map[int][]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is right, so there is no error
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if f := stat(pid); len(f) > 1 {
			parent, _ := strconv.Atoi(f[1])
			children[parent] = append(children[parent], pid)
		}
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// CPU is the user and system time of the processes in seconds, with that of the children they have already waited for.
func CPU(pids []int) float64 {
	var sum float64
	for _, pid := range pids {
		f := stat(pid)
		if len(f) < 15 {
			continue
		}
		for _, s := range f[11:15] { // utime, stime, cutime, cstime
			n, _ := strconv.ParseFloat(s, 64)
			sum += n
		}
	}
	return sum / ticks
}

// RSS is the resident memory of the processes in bytes.
func RSS(pids []int) int64 {
	var sum int64
	for _, pid := range pids {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
		if err != nil {
			continue // it has ended
		}
		if f := bytes.Fields(b); len(f) > 1 {
			n, _ := strconv.ParseInt(string(f[1]), 10, 64)
			sum += n * int64(os.Getpagesize())
		}
	}
	return sum
}

// Busy is how many CPU-seconds the whole machine has worked, time stolen by its host included.
func Busy() float64 {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return busy(strings.Fields(line))
}

// busy sums the fields of /proc/stat's first line: cpu user nice system idle iowait irq softirq steal …
func busy(f []string) float64 {
	var sum float64
	for i := 1; i < len(f) && i <= 8; i++ {
		if i == 4 || i == 5 { // idle, iowait
			continue
		}
		n, _ := strconv.ParseFloat(f[i], 64)
		sum += n
	}
	return sum / ticks
}

// stat gives the fields of /proc/PID/stat after the command's name, which may hold spaces: state, parent, … ; nil when it has ended.
func stat(pid int) []string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	return fields(b)
}

func fields(b []byte) []string {
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return nil
	}
	return strings.Fields(string(b[i+1:]))
}

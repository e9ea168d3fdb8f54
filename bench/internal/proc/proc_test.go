package proc

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestFields(t *testing.T) {
	f := fields([]byte("12 (a) b) c) S 7 12 12 0 -1 4194560 1 2 3 4 150 50 25 25 20 0"))
	if f[0] != "S" || f[1] != "7" || f[11] != "150" || f[14] != "25" {
		t.Errorf("fields: %q", f)
	}
	if fields([]byte("no name")) != nil {
		t.Error("a line without a name was read")
	}
}

func TestBusyLeavesOutIdleAndWaiting(t *testing.T) {
	if got := busy(strings.Fields("cpu 100 200 300 9999 8888 10 20 30 7777 6666")); got != 6.6 {
		t.Errorf("busy: %v", got)
	}
}

func TestOwnProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/proc is Linux's")
	}
	child := exec.Command("cat") // waits for its input
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stdin.Close(); child.Wait() }()
	own := []int{os.Getpid()}
	if f := Family(own[0]); !slices.Contains(f, child.Process.Pid) || f[0] != own[0] {
		t.Errorf("family %v lacks %d", f, child.Process.Pid)
	}
	if RSS(own) < 1<<20 || Busy() <= 0 {
		t.Errorf("rss %d, machine %v", RSS(own), Busy())
	}
	before := CPU(own)
	for n := 0; CPU(own) < before+0.02; n++ { // work until it shows
		if n > 50_000_000 {
			t.Fatal("CPU time does not grow")
		}
	}
}

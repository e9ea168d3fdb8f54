package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestDropPages: what is mapped of the program shrinks, and the program lives.
func TestDropPages(t *testing.T) {
	shared := func() int {
		text, err := os.ReadFile("/proc/self/statm") // size, resident, resident of files …, in pages
		if err != nil {
			t.Skip("no /proc here: ", err)
		}
		n, err := strconv.Atoi(strings.Fields(string(text))[2])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := shared()
	dropPages()
	if after := shared(); after >= before {
		t.Errorf("%d pages of files before, %d after", before, after)
	}
}

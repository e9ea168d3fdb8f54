// Command printed stands behind the tests: it reads what they print (go test -json, or plain
// lines), shows what go test would show of it, and looks through all of it, that of tests
// which pass too, for the marks that planted secrets and prompts have. If it finds one it fails.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// marks are those of cmd/turnpike/secrets_test.go.
var marks = []string{"s3cr3t" + "M4rk", "pr0mpt" + "M4rk"}

// maxShown bounds what is shown of the lines that hold a mark, and a line of them.
const (
	maxShown = 50
	maxLine  = 400
)

func main() {
	found, err := watch(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "printed:", err)
	}
	for _, line := range found {
		fmt.Fprintln(os.Stderr, "SECRET IN WHAT THE TESTS PRINTED:", line)
	}
	if err != nil || len(found) > 0 {
		os.Exit(1)
	}
}

// event is a line of go test -json (go doc test2json).
type event struct {
	Action, Package, ImportPath, Test, Output string
}

// kept is what a package has printed: shown if it fails, but for what its tests printed that
// did not.
type kept struct {
	said []event
	fine map[string]bool
	line string // the last line, as far as it has come
}

func (k *kept) show(w *bufio.Writer) {
	for i := range k.said {
		if !k.fine[k.said[i].Test] {
			_, _ = w.WriteString(k.said[i].Output)
		}
	}
}

// watch copies what go test would print and returns the lines that hold a mark.
func watch(in io.Reader, out io.Writer) (found []string, err error) {
	packages := map[string]*kept{}
	w := bufio.NewWriter(out)
	r := bufio.NewReaderSize(in, 1<<16)
	look := func(where, line string) {
		for _, m := range marks {
			if i := strings.Index(line, m); i >= 0 && len(found) < maxShown {
				found = append(found, where+": "+line[max(0, i-maxLine/2):min(len(line), i+maxLine/2)])
				return
			}
		}
	}
	for {
		line, err := r.ReadString('\n')
		var e event
		if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
			look("plain", strings.TrimSuffix(line, "\n"))
			_, _ = w.WriteString(line)
		} else {
			e.tell(packages, w, look)
		}
		if r.Buffered() == 0 || err != nil {
			if bad := w.Flush(); bad != nil {
				return found, bad
			}
		}
		switch {
		case err == io.EOF:
			for name, p := range packages { // it ended in the middle
				look(name, p.line)
				p.show(w)
			}
			return found, w.Flush()
		case err != nil:
			return found, err
		}
	}
}

// tell shows what is to be shown of an event.
func (e *event) tell(packages map[string]*kept, w *bufio.Writer, look func(where, line string)) {
	name := e.Package + e.ImportPath
	p := packages[name]
	if p == nil {
		p = &kept{fine: map[string]bool{}}
		packages[name] = p
	}
	p.line += e.Output
	for {
		line, rest, whole := strings.Cut(p.line, "\n")
		if !whole {
			break
		}
		look(name, line)
		p.line = rest
	}
	switch over := e.Action == "pass" || e.Action == "skip"; {
	case e.Action == "build-output", e.Action == "output" && e.Test == "" && good(e.Output):
		_, _ = w.WriteString(e.Output)
	case e.Action == "output" && !strings.HasPrefix(e.Output, "=== "):
		p.said = append(p.said, *e)
	case e.Test != "" && (over || e.Action == "run" || e.Action == "fail"): // some run twice, on two databases
		p.fine[e.Test] = over
	case e.Test == "" && e.Action == "fail":
		p.show(w)
		delete(packages, name)
	case e.Test == "" && over:
		look(name, p.line)
		delete(packages, name)
	}
}

// good tells whether a line is the one that go test has for a package which does not fail.
func good(line string) bool {
	return strings.HasPrefix(line, "ok  \t") || strings.HasPrefix(line, "?   \t")
}

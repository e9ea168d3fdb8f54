package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/iotest"
)

const passing = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"it said MARK"}
{"Action":"output","Package":"q","Test":"TestB","Output":"between\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"MORE of it\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- PASS: TestA (0.00s)\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.002s\n"}
{"Action":"pass","Package":"p","Elapsed":0.002}
{"Action":"pass","Package":"q","Elapsed":0.002}
`

const failing = `{"ImportPath":"b","Action":"build-output","Output":"b.go:1:1: no\n"}
{"ImportPath":"b","Action":"build-fail"}
{"Action":"pass","Package":"q","Test":"TestB","Elapsed":0}
{"Action":"run","Package":"q","Test":"TestB"}
{"Action":"output","Package":"q","Test":"TestB","Output":"=== RUN   TestB\n"}
{"Action":"output","Package":"q","Test":"TestB","Output":"    b_test.go:5: it is wrong\n"}
{"Action":"output","Package":"q","Test":"TestC","Output":"    c_test.go:5: it is not\n"}
{"Action":"pass","Package":"q","Test":"TestC","Elapsed":0}
{"Action":"output","Package":"q","Test":"TestB","Output":"--- FAIL: TestB (0.00s)\n"}
{"Action":"fail","Package":"q","Test":"TestB","Elapsed":0}
{"Action":"output","Package":"q","Output":"FAIL\n"}
{"Action":"output","Package":"q","Output":"FAIL\tq\t0.002s\n"}
{"Action":"fail","Package":"q","Elapsed":0.002}
`

func TestWatch(t *testing.T) {
	split := func(i int) string {
		return strings.NewReplacer("MARK", marks[i][:4], "MORE", marks[i][4:]).Replace(passing)
	}
	for name, c := range map[string]struct {
		in, shown, found string
	}{
		"passes":          {passing, "ok  \tp\t0.002s\n", ""},
		"fails":           {failing, "b.go:1:1: no\n    b_test.go:5: it is wrong\n--- FAIL: TestB (0.00s)\nFAIL\nFAIL\tq\t0.002s\n", ""},
		"in a test":       {split(0), "ok  \tp\t0.002s\n", "p: it said " + marks[0] + " of it"},
		"a prompt":        {split(1), "ok  \tp\t0.002s\n", "p: it said " + marks[1] + " of it"},
		"plain":           {"vitest says\n{" + marks[0] + "}\n", "vitest says\n{" + marks[0] + "}\n", "plain: {" + marks[0] + "}"},
		"without an end":  {"x" + marks[1], "x" + marks[1], "plain: x" + marks[1]},
		"broken off":      {`{"Action":"output","Package":"p","Test":"TestA","Output":"panic: no"}` + "\n", "panic: no", ""},
		"broken off with": {`{"Action":"output","Package":"p","Test":"TestA","Output":"panic: ` + marks[0] + `"}` + "\n", "panic: " + marks[0], "p: panic: " + marks[0]},
	} {
		var out bytes.Buffer
		found, err := watch(iotest.OneByteReader(strings.NewReader(c.in)), &out)
		if got := strings.Join(found, "\n"); err != nil || got != c.found || out.String() != c.shown {
			t.Errorf("%s: %v, found %q, shown %q", name, err, got, out.String())
		}
	}
}

package otel

import (
	"net/http"
	"strings"
	"testing"
)

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestFrom(t *testing.T) {
	for _, c := range []struct {
		name, header string
		ok, sampled  bool
	}{
		{"the specification's example", parent, true, true},
		{"not sampled", parent[:len(parent)-1] + "0", true, false},
		{"other flags", parent[:len(parent)-2] + "03", true, true},
		{"empty", "", false, false},
		{"short", parent[:54], false, false},
		{"long for version 00", parent + "-x", false, false},
		{"a version to come", "cc" + parent[2:], true, true},
		{"a version to come with more", "cc" + parent[2:] + "-what", true, true},
		{"a version to come, not parted", "cc" + parent[2:] + "x", false, false},
		{"version ff", "ff" + parent[2:], false, false},
		{"no trace", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", false, false},
		{"no span", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false, false},
		{"upper case", strings.ToUpper(parent), false, false},
		{"no digits", strings.Replace(parent, "4b", "zz", 1), false, false},
		{"no dashes", strings.ReplaceAll(parent, "-", "_"), false, false},
	} {
		got, ok := From(http.Header{"Traceparent": {c.header}})
		if ok != c.ok || got.Sampled != c.sampled {
			t.Errorf("%s: %v %+v", c.name, ok, got)
		}
		if ok && strings.HasPrefix(c.header, "00") && got.Header()[:52] != c.header[:52] {
			t.Errorf("%s: becomes %s", c.name, got.Header())
		}
	}
	if _, ok := From(http.Header{"Traceparent": {parent, parent}}); ok {
		t.Error("two headers are one context")
	}
	for state, want := range map[string]string{"a=1": "a=1", strings.Repeat("x", 513): "", "a=\n": ""} {
		if c, ok := From(http.Header{"Traceparent": {parent}, "Tracestate": {state}}); !ok || c.State != want {
			t.Errorf("tracestate %q: %q", state, c.State)
		}
	}
	c, _ := From(http.Header{"Traceparent": {parent}, "Tracestate": {"a=1", "b=2"}})
	h := http.Header{"Tracestate": {"old"}}
	c.set(h)
	if h.Get("Traceparent") != parent || h.Get("Tracestate") != "a=1,b=2" {
		t.Errorf("passed on as %v", h)
	}
}

func FuzzFrom(f *testing.F) {
	f.Add(parent, "a=1")
	f.Add("cc"+parent[2:]+"-what", "")
	f.Add("", "\x00")
	f.Fuzz(func(t *testing.T, header, state string) {
		c, ok := From(http.Header{"Traceparent": {header}, "Tracestate": {state}})
		if !ok {
			return
		}
		again, ok := From(http.Header{"Traceparent": {c.Header()}, "Tracestate": {c.State}})
		if !ok || again != c {
			t.Errorf("%q becomes %+v, then %+v", header, c, again)
		}
	})
}

func TestIDs(t *testing.T) {
	seen := map[[8]byte]bool{}
	for range 1000 {
		s := newSpan()
		if s == [8]byte{} || seen[s] {
			t.Fatal("an id twice, or none")
		}
		seen[s] = true
	}
}

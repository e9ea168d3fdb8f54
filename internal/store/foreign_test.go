package store

import (
	"slices"
	"testing"
)

func TestArrays(t *testing.T) {
	for text, want := range map[string][]string{`{}`: {}, `{a,b}`: {"a", "b"}, `{"a,b",NULL,"NULL",""}`: {"a,b", "NULL", ""}, `{"q\"x","\\"}`: {`q"x`, `\`}} {
		if got := arrayOf(text); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

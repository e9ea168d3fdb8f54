package codewhisperer

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// readTags feeds pieces and returns what was told.
func readTags(pieces ...string) (thought, text string) {
	var t tagReader
	to := func(thinking bool, b []byte) error {
		if thinking {
			thought += string(b)
		} else {
			text += string(b)
		}
		return nil
	}
	for _, p := range pieces {
		_ = t.write([]byte(p), to)
	}
	_ = t.end(to)
	return thought, text
}

func TestTags(t *testing.T) {
	for _, tt := range []struct{ in, thought, text string }{
		{"plain", "", "plain"},
		{"<thinking>a</thinking>b", "a", "b"},
		{"\n <thinking>\na\n</thinking>\n\nb\n", "a\n", "b\n"},
		{"<thinking>never closed </think", "never closed </think", ""},
		{"<thinking></thinking>", "", ""},
		{"<thinking>", "", ""},
		{"<thinking", "", "<thinking"},
		{"<thinker>a", "", "<thinker>a"},
		{"say <thinking>a</thinking>", "", "say <thinking>a</thinking>"},
		{"<thinking>a</thinking>b</thinking>c", "a", "b</thinking>c"},
		{"<thinking>a</thinking><thinking>b</thinking>", "a", "<thinking>b</thinking>"},
		{"<thinking>a < b </b </</thinking>x", "a < b </b </", "x"},
		{strings.Repeat(" ", 65) + "<thinking>a", "", strings.Repeat(" ", 65) + "<thinking>a"},
		{"", "", ""},
	} {
		thought, text := readTags(tt.in)
		if thought != tt.thought || text != tt.text {
			t.Errorf("%q: %q and %q", tt.in, thought, text)
		}
		for seed := range uint64(50) {
			if a, b := readTags(cut(tt.in, seed)...); a != thought || b != text {
				t.Fatalf("%q cut with seed %d: %q and %q, not %q and %q", tt.in, seed, a, b, thought, text)
			}
		}
	}
}

func cut(s string, seed uint64) (out []string) {
	rnd := rand.New(rand.NewPCG(seed, 3)) //nolint:gosec // repeatable on purpose
	for s != "" {
		n := 1 + rnd.IntN(min(len(s), 5))
		out, s = append(out, s[:n]), s[n:]
	}
	return out
}

func TestTagsHoldLittle(t *testing.T) {
	var r tagReader
	told := 0
	to := func(_ bool, b []byte) error { told += len(b); return nil }
	_ = r.write([]byte("<thinking>"), to)
	for i := range 1000 {
		_ = r.write([]byte("abc</th "), to)
		if held := (i+1)*8 - told; held >= len(closeTag) {
			t.Fatalf("%d bytes are held back", held)
		}
	}
}

func FuzzTags(f *testing.F) {
	f.Add("<thinking>a</thinking>b", uint64(1))
	f.Add("\n\n<thinking>\r\na</thinking>\r\n", uint64(2))
	f.Add("<thinking><</</t</thinking></thinking>", uint64(3))
	f.Fuzz(func(t *testing.T, s string, seed uint64) {
		thought, text := readTags(s)
		if a, b := readTags(cut(s, seed)...); a != thought || b != text {
			t.Fatalf("%q: whole %q and %q, cut %q and %q", s, thought, text, a, b)
		}
		if thought == "" && !strings.Contains(s, openTag) && text != s {
			t.Fatalf("%q lost something: %q", s, text)
		}
	})
}

package sandbox

import (
	"iter"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCutWords(t *testing.T) {
	tests := []struct {
		text string
		n    int
		want []string
	}{
		{"", 0, nil},
		{"", 3, nil},
		{" \n", 0, []string{" \n"}},
		{"one", 0, []string{"one"}},
		{" a  b\tc\n", 0, []string{" a  ", "b\t", "c\n"}},
		{"a b c d", 1, []string{"a b c d"}},
		{"a b c d", 2, []string{"a b ", "c d"}},
		{"a b c d", 3, []string{"a b ", "c ", "d"}},
		{"a b c d", 4, []string{"a ", "b ", "c ", "d"}},
		{"a b", 9, []string{"a ", "b"}},
	}
	for _, test := range tests {
		if got := slices.Collect(cutWords(test.text, test.n)); !slices.Equal(got, test.want) {
			t.Errorf("%q in %d: %q, want %q", test.text, test.n, got, test.want)
		}
	}
	for n := 1; n < 60; n++ {
		text := stretch("the quick brown fox", n)
		got := slices.Collect(cutWords(text, n))
		if len(got) != n && n >= 4 || strings.Join(got, "") != text {
			t.Errorf("%q in %d: %q", text, n, got)
		}
	}
}

func TestStretch(t *testing.T) {
	tests := []struct {
		text string
		n    int
		want string
	}{
		{"a b c", 2, "a b c"},
		{"a b c", 3, "a b c"},
		{" a\nb ", 3, "a b a"},
		{"", 2, "word word"},
		{strings.Repeat("é", 40), 2, strings.Repeat("é", 16) + " " + strings.Repeat("é", 16)},
		{"x" + strings.Repeat("é", 40), 2, "x" + strings.Repeat("é", 15) + " x" + strings.Repeat("é", 15)},
	}
	for _, test := range tests {
		if got := stretch(test.text, test.n); got != test.want {
			t.Errorf("%q to %d: %q, want %q", test.text, test.n, got, test.want)
		}
	}
}

func TestShort(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""}, {"abc", "abc"}, {"abcd", "abc…"}, {"éüö", "éüö"}, {"éüöä", "éüö…"},
	} {
		if got := short(test.text, 3); got != test.want {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}

// Stopping early must stop the cutting, or ranging over it panics.
func TestCuttingStopsEarly(t *testing.T) {
	for name, pieces := range map[string]iter.Seq[string]{
		"words": words("a b c"), "cutWords": cutWords("a b c", 2), "cutBytes": cutBytes("aaaaaaaaa", 4),
	} {
		for range pieces {
			break
		}
		if n := len(slices.Collect(pieces)); n < 2 {
			t.Errorf("%s: %d pieces", name, n)
		}
	}
}

func FuzzPieces(f *testing.F) {
	f.Add("the quick brown fox", 3)
	f.Add(" \n é\xff\xffééééééééééééééééé", 200)
	f.Add(strings.Repeat("\x80", 60), 0)
	f.Add("0"+strings.Repeat("\x80", 60), 99)
	f.Fuzz(func(t *testing.T, text string, n int) {
		if n < 0 || n > 1000 {
			return
		}
		for _, pieces := range []iter.Seq[string]{cutWords(text, n), cutBytes(text, argumentPiece)} {
			var all strings.Builder
			for p := range pieces {
				if p == "" {
					t.Fatal("an empty piece")
				}
				all.WriteString(p)
			}
			if all.String() != text {
				t.Fatalf("the pieces make %q", all.String())
			}
		}
		if n == 0 {
			return
		}
		long := stretch(text, n)
		if got := len(slices.Collect(cutWords(long, n))); got != n {
			t.Fatalf("%d pieces, want %d", got, n)
		}
		if utf8.ValidString(text) && !utf8.ValidString(long) {
			t.Fatal("a character was cut")
		}
	})
}

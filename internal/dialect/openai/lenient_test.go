package openai

import (
	"testing"
	"unicode/utf8"

	"turnpike/internal/wire"
)

// values are JSON values with what each reader makes of them.
var values = []struct {
	json, text, str string
	count           int64
	counts          bool
	object, list    bool
}{
	{json: `"a\n"`, text: "a\n", str: "a\n"},
	{json: `"7"`, text: "7", str: "7"},
	{json: `7`, str: "7", count: 7, counts: true},
	{json: `-7`, str: "-7", count: -7, counts: true},
	{json: `7.9`, str: "7.9", count: 7, counts: true},
	{json: `1e3`, str: "1e3", count: 1000, counts: true},
	{json: `1e300`, str: "1e300"},
	{json: `null`},
	{json: `true`},
	{json: `{"x":1}`, object: true},
	{json: `[1]`, list: true},
}

// TestAnotherTypeSpoilsNothing reads each value with each reader and then what
// stands behind it.
func TestAnotherTypeSpoilsNothing(t *testing.T) {
	for _, v := range values {
		for name, read := range map[string]func(*wire.Reader) bool{
			"Text":  func(r *wire.Reader) bool { return string(Text(r)) == v.text },
			"Str":   func(r *wire.Reader) bool { return Str(r) == v.str },
			"Count": func(r *wire.Reader) bool { n, ok := Count(r); return n == v.count && ok == v.counts },
			"Figure": func(r *wire.Reader) bool {
				n := int64(42)
				told := Figure(r, &n)
				return told == v.counts && n == map[bool]int64{true: max(v.count, 0), false: 42}[told]
			},
			"Object": func(r *wire.Reader) bool {
				is := Object(r)
				if is {
					r.Skip()
				}
				return is == v.object
			},
			"List": func(r *wire.Reader) bool {
				is := List(r)
				if is {
					r.Skip()
				}
				return is == v.list
			},
		} {
			r := wire.NewReader([]byte(`[` + v.json + `,"next"]`))
			for i := range r.Elements() {
				if i == 0 && !read(r) {
					t.Errorf("%s of %s", name, v.json)
				}
				if i == 1 && r.Str() != "next" {
					t.Errorf("%s of %s: what follows was lost", name, v.json)
				}
			}
			if err := r.End(); err != nil {
				t.Errorf("%s of %s: %v", name, v.json, err)
			}
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"short", 5, "short"}, {"longer", 5, "longe…"}, {"éé", 3, "é…"}, {"é", 1, "…"}, {"", 0, ""},
	} {
		if got := Cut(c.in, c.limit); got != c.want {
			t.Errorf("%q to %d: got %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("écran", 1)
	f.Add("\xff\x80\x80", 2)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = max(limit%100, -limit%100)
		got := Cut(s, limit)
		if len(got) > limit+len("…") {
			t.Errorf("%q to %d: %q", s, limit, got)
		}
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("%q to %d cuts a letter: %q", s, limit, got)
		}
	})
}

func TestUncached(t *testing.T) {
	for _, c := range []struct{ prompt, read, written, want int64 }{
		{10, 0, 0, 10},
		{10, 4, 3, 3},
		{10, 7, 3, 0},
		{10, 20, 0, 10}, // a proxy that does not add the cache to the prompt
	} {
		if got := Uncached(c.prompt, c.read, c.written); got != c.want {
			t.Errorf("%+v: got %d", c, got)
		}
	}
}

package llm

import (
	"strings"
	"testing"

	"turnpike/internal/wire"
)

// oddsOf are the members of a text whose names begin with "unk".
func oddsOf(text string) []Odd {
	var out []Odd
	var walk func(r *wire.Reader)
	walk = func(r *wire.Reader) {
		switch r.Kind() {
		case '{':
			for name := range r.Members() {
				if strings.HasPrefix(string(name), "unk") {
					out = AddOdd(out, "a", r, name)
				} else {
					walk(r)
				}
			}
		case '[':
			for range r.Elements() {
				walk(r)
			}
		default:
			r.Skip()
		}
	}
	walk(wire.NewReader([]byte(text)))
	return out
}

func TestRegrow(t *testing.T) {
	for _, c := range []struct{ name, came, written, want, losses string }{
		{"at the top, whatever else changed", `{"model":"x","unk":1}`, `{"model":"y"}`, `{"model":"y","unk":1}`, ""},
		{"in an object that is empty", `{"a":{"unk":1}}`, `{"a":{}}`, `{"a":{"unk":1}}`, ""},
		{"several in one", `{"a":[{"t":"x","unk1":[1],"unk2":{"b":null}}]}`, `{"a":[{"t":"x"}]}`, `{"a":[{"t":"x","unk1":[1],"unk2":{"b":null}}]}`, ""},
		{"what moved is found", `{"a":[{"t":"x"},{"t":"y","unk":1}]}`, `{"a":[{"t":"y"}]}`, `{"a":[{"t":"y","unk":1}]}`, ""},
		{"of two alike the one in its place", `{"a":[{"t":"x"},{"t":"x","unk":1}]}`, `{"a":[{"t":"x"},{"t":"x"}]}`, `{"a":[{"t":"x"},{"t":"x","unk":1}]}`, ""},
		{"not where something else stands now", `{"a":[{"t":"x","unk":1}]}`, `{"a":[{"t":"y"}]}`, `{"a":[{"t":"y"}]}`, "request: a[0].unk"},
		{"not where nothing stands", `{"a":{"b":{"unk":1}}}`, `{"a":{}}`, `{"a":{}}`, "request: a.b.unk"},
		{"members left out make no difference", `{"a":{"t":"x","c":{"unk1":1},"unk":1}}`, `{"a":{"t":"x"}}`, `{"a":{"t":"x","unk":1}}`, "request: a.c.unk1"},
		{"nor does another form", `{"a":[{"r":"u","c":"hi","unk":1}]}`, `{"a":[{"r":"u","c":[{"t":"hi"}]}]}`, `{"a":[{"r":"u","c":[{"t":"hi"}],"unk":1}]}`, ""},
		{"nor an id that is made anew", `{"a":[{"id":"1","t":"x","unk":1}]}`, `{"a":[{"id":"2","t":"x"}]}`, `{"a":[{"id":"2","t":"x","unk":1}]}`, ""},
		{"a null makes room", `{"a":{"t":1,"unk":"v"}}`, `{"a":{"t":1,"unk":null}}`, `{"a":{"t":1,"unk":"v"}}`, ""},
		{"what is there already stays", `{"a":{"t":1,"unk":"v"}}`, `{"a":{"t":1,"unk":"w"}}`, `{"a":{"t":1,"unk":"w"}}`, ""},
		{"a line stays a line", "{\"a\":{\"unk\":[1,\n2]}}", `{"a":{}}`, `{"a":{"unk":[1, 2]}}`, ""},
		{"a name with a quote", `{"a":{"unk\"":1}}`, `{"a":{}}`, `{"a":{"unk\"":1}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var losses []Loss
			lose := func(path, reason string) { losses = AddLoss(losses, path, reason) }
			if got := string(Regrow([]byte(c.written), oddsOf(c.came), "a", "request", lose)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			var paths []string
			for _, l := range losses {
				paths = append(paths, l.Path)
			}
			if got := strings.Join(paths, " "); got != c.losses {
				t.Errorf("losses %q, want %q", got, c.losses)
			}
			if got := string(Regrow([]byte(c.written), oddsOf(c.came), "b", "request", lose)); got != c.written {
				t.Errorf("another dialect's were written: %s", got)
			}
		})
	}
}

// FuzzRegrow: what is JSON stays JSON, and every member is written or named.
func FuzzRegrow(f *testing.F) {
	f.Add(`{"a":[{"t":"x","unk":1}],"unk2":{}}`, `{"a":[{"t":"x"}]}`)
	f.Add(`{"a":{"unk":"v"},"b":[[{"unk":null}]]}`, `{"a":{"unk":null},"b":[[{}]]}`)
	f.Fuzz(func(t *testing.T, came, written string) {
		if !wire.Valid([]byte(came), '{') || !wire.Valid([]byte(written), '{') {
			return
		}
		lost := 0
		out := Regrow([]byte(written), oddsOf(came), "a", "request", func(string, string) { lost++ })
		if !wire.Valid(out, '{') {
			t.Fatalf("%s and %s become %s", came, written, out)
		}
		var s OddStream
		var l LossList
		s.Take(&Event{Odd: oddsOf(came)}, "a", &l)
		if line := s.payload([]byte(written), "", anywhere); !wire.Valid(line, '{') {
			t.Fatalf("%s and %s become %s", came, written, line)
		}
	})
}

package conformance

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"turnpike/internal/dialect/chat"
	"turnpike/internal/dialect/codewhisperer"
	"turnpike/internal/dialect/completions"
	"turnpike/internal/dialect/converse"
	"turnpike/internal/dialect/gemini"
	"turnpike/internal/dialect/messages"
	"turnpike/internal/dialect/responses"
	"turnpike/internal/llm"
)

// spoken are the dialects that are spoken on both sides.
var spoken = []interface {
	llm.Front
	llm.Back
}{chat.Dialect{}, responses.Dialect{}, messages.Dialect{}, converse.Dialect{}, gemini.Dialect{}}

// upstreams are the dialects that upstreams are spoken to in.
var upstreams = func() []llm.Back {
	list := []llm.Back{codewhisperer.Dialect{}, chat.Pieces{}}
	for _, d := range own {
		list = append(list, d)
	}
	return list
}()

// clients are the dialects that clients speak.
var clients = func() []llm.Front {
	list := []llm.Front{completions.Dialect{}}
	for _, d := range spoken {
		list = append(list, d)
	}
	return list
}()

// marks makes words that stand nowhere else, so that it can be seen what became
// of everything that holds one.
type marks struct {
	rnd *rand.Rand
	n   int
}

func (m *marks) next() string {
	m.n++
	return fmt.Sprintf("mk%dq", m.n)
}

var markWord = regexp.MustCompile(`mk\d+q|91800\d`)

// heardIn are the marks in bytes, those inside of base64, as seals are, too.
func heardIn(raw []byte) map[string]bool {
	found := map[string]bool{}
	look := func(b []byte) {
		for _, w := range markWord.FindAll(b, -1) {
			found[string(w)] = true
		}
	}
	for depth, list := 0, [][]byte{raw}; depth < 4 && len(list) > 0; depth++ {
		var inner [][]byte
		for _, b := range list {
			look(b)
			for _, w := range base64Word.FindAll(b, -1) {
				for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding, base64.RawStdEncoding} {
					if d, err := enc.DecodeString(string(w)); err == nil {
						inner = append(inner, d)
					}
				}
			}
		}
		list = inner
	}
	return found
}

var base64Word = regexp.MustCompile(`[A-Za-z0-9+/_-]{4,}={0,2}`)

// named tells whether losses name a thing by one of its words.
func named(losses []llm.Loss, words ...string) bool {
	for _, l := range losses {
		for _, w := range words {
			if w != "" && strings.Contains(l.Path+" ("+l.Reason+")", w) {
				return true
			}
		}
	}
	return false
}

// leaf is a value with a mark in a body, and the names on the way to it.
type leaf struct {
	mark  string
	path  []string
	types []string // of the objects it is in
}

func leaves(v any, path, types []string, out []leaf) []leaf {
	switch v := v.(type) {
	case map[string]any:
		if kind, ok := v["type"].(string); ok {
			types = append(slices.Clip(types), kind)
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = leaves(v[k], append(slices.Clip(path), k), types, out)
		}
	case []any:
		for _, e := range v {
			out = leaves(e, path, types, out)
		}
	case float64:
		return leaves(strconv.FormatFloat(v, 'f', -1, 64), path, types, out)
	case string:
		for w := range heardIn([]byte(v)) {
			out = append(out, leaf{w, path, types})
		}
	}
	return out
}

// strange puts a member that nobody knows into every object of a body for which
// inside says so.
func strange(v any, m *marks, path string, inside func(path string) bool) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			strange(v[k], m, path+"."+k, inside)
		}
		if inside(path) {
			name := "unk" + m.next()
			v[name] = "unk " + strings.TrimPrefix(name, "unk")
		}
	case []any:
		for _, e := range v {
			strange(e, m, path+"[]", inside)
		}
	}
}

func parsed(t testing.TB, body []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return v
}

func printed(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func lossLines(losses []llm.Loss) string {
	var b strings.Builder
	for _, l := range losses {
		fmt.Fprintf(&b, "  %s: %s (%s) %d\n", l.Kind, l.Path, l.Reason, l.Count)
	}
	return b.String()
}

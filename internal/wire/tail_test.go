package wire_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"turnpike/internal/wire"
)

const cutMember = "_cut"

// closed is a text, fed in random fragments, and closed.
func closed(rnd *rand.Rand, text string) string {
	var tail wire.Tail
	for rest := []byte(text); len(rest) > 0; {
		n := 1 + rnd.IntN(min(len(rest), 7))
		tail.Feed(rest[:n])
		rest = rest[n:]
	}
	return string(tail.Close([]byte(text), cutMember))
}

func TestTailClosesEveryPrefix(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, whole := range []string{
		`{}`, `{"note": "The end"}`, ` { "a" : [ 1 , -2.5e+10 , true , false , null , "x\n\\\"\u00e9\ud83d\udc26" ] , "b" : { "c" : { } , "d" : [ ] } }`,
		`{"größe":"日本 🐦","n":[[[]],[{"x":[{}]}]],"e":"","last":0}`,
	} {
		if got := closed(rnd, whole); got != whole {
			t.Errorf("a whole object became %s", got)
		}
		for n := range len(whole) {
			got := closed(rnd, whole[:n])
			if strings.TrimSpace(whole[:n]) == "" {
				if got != whole[:n] {
					t.Errorf("nothing at all became %q", got)
				}
				continue
			}
			var object map[string]any
			if err := json.Unmarshal([]byte(got), &object); err != nil {
				t.Errorf("%q became %q: %v", whole[:n], got, err)
				continue
			}
			if object[cutMember] != true || !strings.HasPrefix(got, whole[:n]) {
				t.Errorf("%q became %q: not marked", whole[:n], got)
			}
		}
	}
}

func TestTailLeavesAloneWhatIsNoObject(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, text := range []string{"", "  ", "call it", `[1`, `"x`, `{"a":1}}`, `{a`, `{"a" 1`, `{"a":}`, `{"a":1]`, `{"a":tru3`, `{"a":1 2`, `{"a":01x`, strings.Repeat(`{"a":`, 1000)} {
		if got := closed(rnd, text); got != text {
			t.Errorf("%.40q became %.60q", text, got)
		}
	}
}

func FuzzTail(f *testing.F) {
	for _, s := range []string{`{"a":"b`, `{"a":[1,{"b":nul`, `{"a\u00`, `{`, `x`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var tail wire.Tail
		tail.Feed([]byte(text))
		got := tail.Close([]byte(text), cutMember)
		if string(got) != text && json.Valid([]byte(text)) {
			t.Errorf("%q was whole and became %q", text, got)
		}
	})
}

package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/dialect/completions"
	"turnpike/internal/llm"
)

// own are the dialects that are spoken on both sides, the one that has nothing but
// text among them.
var own = append([]interface {
	llm.Front
	llm.Back
}{completions.Dialect{}}, spoken...)

// oddValue is a value that nobody expects.
func oddValue(m *marks) any {
	switch m.rnd.IntN(5) {
	case 0:
		return m.next()
	case 1:
		return map[string]any{"a\n" + m.next(): []any{m.next(), 1.5, map[string]any{}}, "type": m.next()}
	case 2:
		return []any{map[string]any{"text": m.next()}, "größe"}
	case 3:
		return 918.25
	}
	return true
}

// sow puts odd members into objects of a body, at random.
func sow(v any, m *marks, path string, inside func(path string) bool) (n int) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			n += sow(v[k], m, path+"."+k, inside)
		}
		if inside(path) && m.rnd.IntN(3) == 0 {
			v["unk"+m.next()] = oddValue(m)
			n++
		}
	case []any:
		for _, e := range v {
			n += sow(e, m, path+"[]", inside)
		}
	}
	return n
}

// settled is a request as its dialect's encoder writes it: from there on nothing changes.
func settled(t *testing.T, d interface {
	llm.Front
	llm.Back
}, body []byte,
) []byte {
	t.Helper()
	for range 3 {
		out, _ := again(t, d, body)
		if bytes.Equal(out, body) {
			break
		}
		body = out
	}
	return body
}

func again(t *testing.T, d interface {
	llm.Front
	llm.Back
}, body []byte,
) ([]byte, []llm.Loss) {
	t.Helper()
	req, err := d.DecodeRequest(http.Header{}, body)
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	out, losses, err := d.EncodeRequest(req, &llm.Target{Model: "m", Stream: req.Stream, Caps: llm.Caps{Strict: true, Structured: true, MidSystem: true}})
	if err != nil {
		t.Fatal(err)
	}
	return out, llm.AddLosses(req.Lost(d.Name()), losses)
}

// TestOddMembersOfRequests: a request goes to an upstream of its own dialect as it
// came, with all members that nobody knows, at every level.
func TestOddMembersOfRequests(t *testing.T) {
	for _, d := range own {
		t.Run(d.Name(), func(t *testing.T) {
			sown := 0
			plain := settled(t, d, fill(fullRequests[d.Name()], &marks{}))
			for seed := range uint64(60) {
				m := &marks{rnd: rand.New(rand.NewPCG(seed, 19))} //nolint:gosec // repeatable on purpose
				want := parsed(t, plain)
				sown += sow(want, m, "", func(path string) bool {
					return oddIn(d.Name(), path)
				})
				out, losses := again(t, d, printed(t, want))
				if got := parsed(t, out); !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d: differs at %s\ngot  %s\nwant %s\nlosses\n%s", seed, difference(got, want, ""), out, printed(t, want), lossLines(losses))
				}
			}
			if sown < 20 {
				t.Errorf("only %d members were sown", sown)
			}
		})
	}
}

// TestOddMembersOfAnswers: the same with answers, whole and streamed.
func TestOddMembersOfAnswers(t *testing.T) {
	for _, d := range own {
		t.Run(d.Name(), func(t *testing.T) {
			sown := 0
			for seed := range uint64(60) {
				m := &marks{rnd: rand.New(rand.NewPCG(seed, 23))} //nolint:gosec // repeatable on purpose
				answer := answerOf(d.Name(), m)
				if d.Name() == "responses" { // the end of the stream tells the items again, of which those are kept that came first
					answer.Parts = slices.DeleteFunc(answer.Parts, func(p llm.Part) bool { _, native := p.(*llm.Native); return native })
					answer.Settle()
				}
				body, stream := bodies(d, answer)
				_, body, _ = atOnce(t, d, d, body, nil)
				for range 2 { // texts that follow one another are one from then on
					_, stream, _ = inStream(t, d, d, nil, stream)
				}
				inside := func(path string) bool { return oddAnywhere(d.Name(), path) }
				want := parsed(t, body)
				sown += sow(want, m, "", inside)
				_, out, losses := atOnce(t, d, d, printed(t, want), nil)
				same(t, fmt.Sprintf("seed %d, whole", seed), []any{parsed(t, out)}, []any{want}, losses)

				var frames []any
				dec, enc := d.NewStreamDecoder(), d.NewStreamEncoder(&llm.Request{Model: "m", StreamUsage: true})
				var again []byte
				yield := func(e *llm.Event) error { again = enc.Append(again, e); return nil }
				for f := range framesOf(t, d.Name(), stream) {
					if len(f.Data) > 0 && f.Data[0] == '{' {
						tree := parsed(t, f.Data)
						if tree["type"] != "response.in_progress" { // it goes out with the event before
							sown += sow(tree, m, "", inside)
						}
						frames = append(frames, tree)
						f.Data = printed(t, tree)
					}
					if err := dec.Frame(f, yield); err != nil {
						t.Fatal(err)
					}
				}
				if err := dec.End(yield); err != nil {
					t.Fatal(err)
				}
				var got []any
				for f := range framesOf(t, d.Name(), again) {
					if len(f.Data) > 0 && f.Data[0] == '{' {
						got = append(got, parsed(t, f.Data))
					}
				}
				same(t, fmt.Sprintf("seed %d, streamed", seed), got, frames, llm.AddLosses(dec.Losses(), enc.Losses()))
			}
			if sown < 100 {
				t.Errorf("only %d members were sown", sown)
			}
		})
	}
}

// same compares the texts of an answer but for ids that are made anew.
func same(t *testing.T, what string, got, want []any, losses []llm.Loss) {
	t.Helper()
	for _, list := range [][]any{got, want} {
		for _, v := range list {
			unnamed(v)
		}
	}
	if !reflect.DeepEqual(got, want) {
		a, _ := json.Marshal(got)  //nolint:errchkjson // for a message
		b, _ := json.Marshal(want) //nolint:errchkjson // for a message
		t.Fatalf("%s: differs at %s\ngot  %s\nwant %s\nlosses\n%s", what, difference(got, want, ""), a, b, lossLines(losses))
	}
}

// unnamed takes off the ids of items, which Responses' encoder makes.
func unnamed(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if s, ok := e.(string); ok && (k == "item_id" || k == "id" && strings.Contains(s, "_")) {
				v[k] = "id"
			} else {
				unnamed(e)
			}
		}
	case []any:
		for _, e := range v {
			unnamed(e)
		}
	}
}

// oddAnywhere leaves out where names are not the API's: the arguments of calls, and
// objects that have one member; and counts of tokens, which are read as numbers.
func oddAnywhere(dialect, path string) bool {
	for _, own := range []string{"sage", "metrics", "input", ".args", "arguments"} {
		if strings.Contains(path, own) {
			return false
		}
	}
	if dialect == "responses" && strings.Contains(path, "nnotation") {
		return false // told three times, of which the first counts
	}
	if dialect == "responses" { // what the client asked for, told again
		for _, echo := range []string{".metadata", ".reasoning", ".text", ".error", ".incomplete_details", ".tool_choice"} {
			if strings.HasSuffix(path, echo) || strings.Contains(path, echo+".") {
				return false
			}
		}
	}
	return dialect != "converse" || !strings.HasSuffix(path, "content[]") && !strings.HasSuffix(path, ".location") && !strings.HasSuffix(path, ".delta") && !strings.HasSuffix(path, ".start")
}

// difference is where two values differ first.
func difference(got, want any, path string) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s: %v, want an object", path, got)
		}
		for _, k := range slices.Sorted(maps.Keys(w)) {
			if _, ok := g[k]; !ok {
				return fmt.Sprintf("%s.%s: it is not there", path, k)
			}
			if d := difference(g[k], w[k], path+"."+k); d != "" {
				return d
			}
		}
		for _, k := range slices.Sorted(maps.Keys(g)) {
			if _, ok := w[k]; !ok {
				return fmt.Sprintf("%s.%s: it was not there", path, k)
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s: %d values, want %d", path, len(g), len(w))
		}
		for i := range w {
			if d := difference(g[i], w[i], fmt.Sprintf("%s[%d]", path, i)); d != "" {
				return d
			}
		}
		return ""
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("%s: %v, want %v", path, got, want)
	}
	return ""
}

package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// natives are parts that only one dialect has, with a mark each.
var natives = map[string]func(mark string) *llm.Native{
	"chat": func(mark string) *llm.Native {
		return &llm.Native{Type: "audio", Raw: []byte(`{"id":"` + mark + `","data":"AAAA"}`)}
	},
	"responses": func(mark string) *llm.Native {
		return &llm.Native{Type: "web_search_call", Raw: []byte(`{"type":"web_search_call","id":"` + mark + `","status":"completed"}`)}
	},
	"messages": func(mark string) *llm.Native {
		return &llm.Native{Type: "server_tool_use", Raw: []byte(`{"type":"server_tool_use","id":"` + mark + `","name":"web_search","input":{}}`)}
	},
	"converse": func(mark string) *llm.Native {
		return &llm.Native{Type: "toolUse", Raw: []byte(`{"toolUse":{"toolUseId":"` + mark + `","name":"g","type":"server_tool_use","input":{}}}`)}
	},
	"gemini": func(mark string) *llm.Native {
		return &llm.Native{Type: "executableCode", Raw: []byte(`{"executableCode":{"language":"PYTHON","code":"` + mark + `"}}`)}
	},
}

// answerOf makes an answer as an upstream of a dialect gives it.
func answerOf(dialect string, m *marks) *llm.Response {
	rnd := m.rnd
	if dialect == "completions" {
		return &llm.Response{ID: "id-1", Model: "up", Created: 7, Stop: llm.StopEnd, Usage: llm.Usage{Known: true, Input: 3, Output: 5}, Parts: []llm.Part{&llm.Text{Text: "text größe " + m.next()}}}
	}
	res := &llm.Response{
		ID: "id-1", Model: "up", Created: 7, Stop: llm.StopEnd,
		Usage: llm.Usage{Known: true, Input: 3, Output: 5},
	}
	for range 1 + rnd.IntN(6) {
		switch rnd.IntN(8) {
		case 0, 1:
			t := &llm.Text{Text: "text größe " + m.next()}
			for range rnd.IntN(3) {
				t.Citations = append(t.Citations, citationOf(m))
			}
			res.Parts = append(res.Parts, t)
		case 2:
			res.Parts = append(res.Parts, &llm.Thinking{Text: m.next(), Signature: m.next()})
		case 3:
			res.Parts = append(res.Parts, &llm.Thinking{Text: m.next()})
		case 4:
			res.Parts = append(res.Parts, &llm.Refusal{Text: m.next()})
		case 5, 6:
			res.Parts = append(res.Parts, &llm.ToolCall{ID: "call_" + m.next(), Name: m.next(), Input: []byte(`{"a":"` + m.next() + `"}`)})
		case 7:
			n := natives[dialect](m.next())
			n.Dialect = dialect
			res.Parts = append(res.Parts, n)
		}
	}
	res.Settle()
	return res
}

func citationOf(m *marks) llm.Citation {
	kinds := []llm.CitationKind{llm.CiteWeb, llm.CiteChars, llm.CitePages, llm.CiteBlocks, llm.CiteSearch}
	c := llm.Citation{Kind: kinds[m.rnd.IntN(len(kinds))], Title: m.next(), Quote: m.next(), First: 1, Last: 2}
	if c.Kind == llm.CiteWeb || c.Kind == llm.CiteSearch {
		c.URL = "https://" + m.next() + ".test/a"
	}
	if c.Kind == llm.CiteWeb && m.rnd.IntN(2) == 0 {
		c.Begin, c.End = 1, 6
	}
	return c
}

// kindsIn maps every mark of an answer to words, one of which a loss must have
// that explains its absence.
func kindsIn(res *llm.Response) map[string][]string {
	out := map[string][]string{}
	put := func(text string, words ...string) {
		for w := range heardIn([]byte(text)) {
			out[w] = words
		}
	}
	for _, p := range res.Parts {
		switch p := p.(type) {
		case *llm.Text:
			put(p.Text)
			for _, c := range p.Citations {
				put(c.Title+" "+c.Quote+" "+c.URL+" "+string(c.Raw), "citations", "groundingMetadata")
			}
		case *llm.Thinking:
			put(p.Text+" "+p.Signature+" "+p.Redacted, noThinking)
			if _, t, ok := llm.Unseal(p.Signature); ok {
				put(t.Text+" "+t.Signature+" "+t.Redacted, noThinking)
			}
		case *llm.Refusal:
			put(p.Text)
		case *llm.ToolCall:
			put(p.ID+p.Name+string(p.Input), textOnly)
		case *llm.Native:
			put(string(p.Raw), p.Type, textOnly)
		}
	}
	for _, x := range res.Extra {
		put(string(x.Raw), x.Name, "citations")
	}
	return out
}

// What is said where an API has nothing but text.
const (
	textOnly   = "completions has text only"
	noThinking = "thinking (completions has no place for it)"
)

// way is how an answer goes from an upstream to a client: whole or as a stream.
type way func(t *testing.T, up llm.Back, down llm.Front, body, stream []byte) (seen *llm.Response, out []byte, losses []llm.Loss)

func atOnce(t *testing.T, up llm.Back, down llm.Front, body, _ []byte) (*llm.Response, []byte, []llm.Loss) {
	t.Helper()
	res, err := up.DecodeResponse(body)
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	out := down.EncodeResponse(&llm.Request{Model: "m"}, res)
	return res, out, res.Losses
}

func inStream(t *testing.T, up llm.Back, down llm.Front, _, stream []byte) (*llm.Response, []byte, []llm.Loss) {
	t.Helper()
	var c llm.Collector
	dec, enc := up.NewStreamDecoder(), down.NewStreamEncoder(&llm.Request{Model: "m"})
	var out []byte
	yield := func(e *llm.Event) error {
		if e.Kind == llm.EventFault {
			t.Fatalf("fault: %v in %s", e.Err, stream)
		}
		out = enc.Append(out, e)
		return c.Add(e)
	}
	for f := range framesOf(t, up.Name(), stream) {
		if err := dec.Frame(f, yield); err != nil {
			t.Fatalf("%v: %s", err, f.Data)
		}
	}
	if err := dec.End(yield); err != nil {
		t.Fatal(err)
	}
	res, fault := c.Response()
	if fault != nil {
		t.Fatal(fault)
	}
	return res, out, llm.AddLosses(dec.Losses(), enc.Losses())
}

func frameReader(dialect string, stream []byte) wire.FrameReader {
	if dialect == "converse" {
		return wire.NewEventStream(bytes.NewReader(stream), 0)
	}
	return wire.NewSSE(bytes.NewReader(stream), 0)
}

func framesOf(t *testing.T, dialect string, stream []byte) func(func(wire.Frame) bool) {
	frames := frameReader(dialect, stream)
	return func(yield func(wire.Frame) bool) {
		for {
			f, err := frames.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !yield(f) {
				return
			}
		}
	}
}

func bodies(down llm.Front, res *llm.Response) (body, stream []byte) {
	one, two := *res, *res
	body = down.EncodeResponse(&llm.Request{Model: "m"}, &one)
	enc := down.NewStreamEncoder(&llm.Request{Model: "m"})
	_ = two.Replay(func(e *llm.Event) error { stream = enc.Append(stream, e); return nil }) // Append cannot fail
	return body, stream
}

// TestEveryPartOfAnAnswer: on every pair, whole and inStream, each part of an
// answer is in what the client gets, or a loss names it.
func TestEveryPartOfAnAnswer(t *testing.T) {
	for _, up := range spoken {
		for _, down := range clients {
			for how, relay := range map[string]way{"whole": atOnce, "streamed": inStream} {
				t.Run(up.Name()+" to "+down.Name()+", "+how, func(t *testing.T) {
					for seed := range uint64(40) {
						m := &marks{rnd: rand.New(rand.NewPCG(seed, 11))} //nolint:gosec // repeatable on purpose
						body, stream := bodies(up, answerOf(up.Name(), m))
						seen, out, losses := relay(t, up, down, body, stream)
						got := heardIn(plainBytes(t, down.Name(), how, out))
						for mark, words := range kindsIn(seen) {
							if !got[mark] && !named(losses, words...) {
								t.Fatalf("seed %d: %s (%v) is gone in silence\nup   %s\ndown %s\nlosses\n%s", seed, mark, words, body, out, lossLines(losses))
							}
						}
					}
				})
			}
		}
	}
}

// plainBytes is a stream's text without its framing.
func plainBytes(t *testing.T, dialect, how string, out []byte) []byte {
	if how != "streamed" {
		return out
	}
	var b bytes.Buffer
	for f := range framesOf(t, dialect, out) {
		b.Write(f.Data)
	}
	return b.Bytes()
}

// TestAnswersOfTheOwnDialect: what is decoded and encoded in one dialect stays the
// same, members that nobody knows beside the answer included; those inside of
// parts are named.
func TestAnswersOfTheOwnDialect(t *testing.T) {
	for _, d := range spoken {
		for how, relay := range map[string]way{"whole": atOnce, "streamed": inStream} {
			t.Run(d.Name()+", "+how, func(t *testing.T) {
				for seed := range uint64(40) {
					m := &marks{rnd: rand.New(rand.NewPCG(seed, 13))} //nolint:gosec // repeatable on purpose
					body, stream := bodies(d, answerOf(d.Name(), m))
					first, out, _ := relay(t, d, d, body, stream)
					second, _, losses := relay(t, d, d, out, out)
					for _, r := range []*llm.Response{first, second} {
						r.Losses = nil
						if d.Name() == "gemini" && how == "streamed" {
							forgetCitations(r)
						}
					}
					if !reflect.DeepEqual(first, second) || len(losses) > 0 {
						a, _ := json.Marshal(first)  //nolint:errchkjson // for a message
						b, _ := json.Marshal(second) //nolint:errchkjson // for a message
						t.Fatalf("seed %d:\n%s\n%s\nlosses\n%s", seed, a, b, lossLines(losses))
					}
				}
			})
		}
	}
}

// forgetCitations takes off what Gemini tells beside its texts: it finds its way to
// a text only while that is open, but stands in Extra whatever happens.
func forgetCitations(res *llm.Response) {
	for _, p := range res.Parts {
		if t, ok := p.(*llm.Text); ok {
			t.Citations = nil
		}
	}
	for i := range res.Extra {
		res.Extra[i].Bookkeeping = false
	}
}

// TestStrangeMembersOfAnswers: members that nobody knows, at every level of an
// answer, are carried or named.
func TestStrangeMembersOfAnswers(t *testing.T) {
	for _, up := range spoken {
		for _, down := range clients {
			t.Run(up.Name()+" to "+down.Name(), func(t *testing.T) {
				for seed := range uint64(10) {
					m := &marks{rnd: rand.New(rand.NewPCG(seed, 17))} //nolint:gosec // repeatable on purpose
					body, stream := bodies(up, answerOf(up.Name(), m))
					tree := parsed(t, body)
					strange(tree, m, "", func(path string) bool { return oddInAnswer(up.Name(), path) })
					_, out, losses := atOnce(t, up, down, printed(t, tree), nil)
					silent(t, fmt.Sprintf("seed %d, whole", seed), leaves(tree, nil, nil, nil), out, losses, tree)

					var c []byte
					dec, enc := up.NewStreamDecoder(), down.NewStreamEncoder(&llm.Request{Model: "m"})
					yield := func(e *llm.Event) error { c = enc.Append(c, e); return nil }
					var wanted []leaf
					for f := range framesOf(t, up.Name(), stream) {
						if len(f.Data) > 0 && f.Data[0] == '{' {
							tree := parsed(t, f.Data)
							strange(tree, m, "", func(path string) bool { return oddInAnswer(up.Name(), path) })
							wanted = leaves(tree, nil, nil, wanted)
							f.Data = printed(t, tree)
						}
						if err := dec.Frame(f, yield); err != nil {
							t.Fatal(err)
						}
					}
					if err := dec.End(yield); err != nil {
						t.Fatal(err)
					}
					silent(t, fmt.Sprintf("seed %d, streamed", seed), wanted, plainBytes(t, down.Name(), "streamed", c), llm.AddLosses(dec.Losses(), enc.Losses()), nil)
				}
			})
		}
	}
}

// oddInAnswer leaves out what tells how an answer was made, and what is a call's own.
func oddInAnswer(dialect, path string) bool {
	if dialect == "responses" && (strings.HasPrefix(path, ".part") || path == ".response" || path == ".item" || strings.HasPrefix(path, ".response.output")) {
		return false // said again at the end
	}
	for _, own := range []string{"sage", "metrics", "input", ".args", "arguments", "Metadata", "stop_details", "incomplete_details", ".reasoning", ".text.", ".text", "tool_choice", "metadata", "toolUse", "functionCall"} {
		if strings.Contains(path, own) {
			return false
		}
	}
	return dialect != "converse" || !strings.HasSuffix(path, "content[]")
}

func silent(t *testing.T, what string, wanted []leaf, out []byte, losses []llm.Loss, tree any) {
	t.Helper()
	got := heardIn(out)
	for _, l := range wanted {
		last := l.path[len(l.path)-1]
		if !strings.HasPrefix(last, "unk") || got[l.mark] || named(losses, last, "there are more than a report holds") {
			continue
		}
		for _, kind := range l.types {
			if natives := named(losses, kind); natives {
				last = ""
			}
		}
		for _, member := range l.path {
			if member == "executableCode" || member == "audio" || strings.Contains(member, "nnotation") || strings.Contains(member, "itation") {
				last = ""
			}
		}
		if last != "" {
			t.Fatalf("%s: %v is gone in silence\n%s\nlosses\n%s", what, l.path, printed(t, tree), lossLines(losses))
		}
	}
}

package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// send writes an answer as a stream.
func send(req *llm.Request, res *llm.Response) string {
	enc := Dialect{}.NewStreamEncoder(req)
	var out []byte
	_ = res.Replay(func(e *llm.Event) error { out = enc.Append(out, e); return nil })
	return string(out)
}

// deltas lists what the chunks of a stream add, and checks that each is what a
// client expects of a chunk.
func deltas(t *testing.T, body string) []string {
	t.Helper()
	var out []string
	frames := wire.NewSSE(strings.NewReader(body), 0)
	for {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if string(f.Data) == "[DONE]" {
			out = append(out, "DONE")
			continue
		}
		var c struct {
			ID, Object, Model string
			Created           int64
			Error             json.RawMessage
			Usage             json.RawMessage
			Choices           []struct {
				Index  *int
				Delta  json.RawMessage
				Finish *string `json:"finish_reason"`
				Native string  `json:"native_finish_reason"`
			}
		}
		if err := json.Unmarshal(f.Data, &c); err != nil {
			t.Fatalf("%v: %s", err, f.Data)
		}
		if c.Error != nil {
			out = append(out, "error "+string(c.Error))
			continue
		}
		if c.ID != "x" || c.Object != "chat.completion.chunk" || c.Model != "asked" || c.Created != 5 || c.Choices == nil {
			t.Errorf("envelope of %s", f.Data)
		}
		if c.Usage != nil {
			out = append(out, "usage "+string(c.Usage))
		}
		for _, k := range c.Choices {
			if k.Index == nil || *k.Index != 0 {
				t.Errorf("index of %s", f.Data)
			}
			if k.Finish == nil {
				out = append(out, string(k.Delta))
			} else {
				out = append(out, strings.TrimSpace("finish "+*k.Finish+" "+k.Native))
			}
		}
	}
}

func TestEncodeStream(t *testing.T) {
	const start = `{"role":"assistant","content":"","refusal":null}`
	signed := &llm.Thinking{Text: "hm", Signature: "SIG"}
	long := strings.Repeat("n", 70)
	seal := func(i int, t *llm.Thinking, more string) string {
		return fmt.Sprintf(`{"reasoning_details":[{"type":"reasoning.encrypted","format":"turnpike","data":"%s","index":%d%s}]}`, llm.Seal("claude", t), i, more)
	}
	opened := func(i int, id, name string) string {
		return fmt.Sprintf(`{"tool_calls":[{"index":%d,"id":"%s","type":"function","function":{"name":"%s","arguments":""}}]}`, i, id, name)
	}
	args := func(i int, s string) string {
		return fmt.Sprintf(`{"tool_calls":[{"index":%d,"function":{"arguments":%q}}]}`, i, s)
	}
	for _, c := range []struct {
		name  string
		parts []llm.Part
		end   llm.Response
		want  []string
	}{
		{"STR-02 one start, text, one end", text1("hi"), llm.Response{}, []string{`{"content":"hi"}`, "finish stop"}},
		{"THK-16 reasoning", []llm.Part{&llm.Thinking{Text: "hm"}, say("hi")}, llm.Response{}, []string{`{"reasoning_content":"hm"}`, `{"content":"hi"}`, "finish stop"}},
		{
			"THK-06 proofs travel sealed",
			[]llm.Part{signed, &llm.Thinking{Redacted: "RED"}, say("hi")},
			llm.Response{},
			[]string{`{"reasoning_content":"hm"}`, seal(0, signed, ""), seal(1, &llm.Thinking{Redacted: "RED"}, ""), `{"content":"hi"}`, "finish stop"},
		},
		{"THK-03 a signature without text", []llm.Part{&llm.Thinking{Signature: "SIG"}, say("hi")}, llm.Response{}, []string{seal(0, &llm.Thinking{Signature: "SIG"}, ""), `{"content":"hi"}`, "finish stop"}},
		{
			"THK-04 where reasoning stood",
			[]llm.Part{say("a"), signed, call("a", "f", "{}"), signed},
			llm.Response{Stop: llm.StopTool},
			[]string{`{"content":"a"}`, `{"reasoning_content":"hm"}`, seal(0, signed, `,"after_text":1`), opened(0, "a", "f"), args(0, "{}"), `{"reasoning_content":"hm"}`, seal(1, signed, `,"after_text":1,"after_calls":1`), "finish tool_calls"},
		},
		{
			"STR-01 calls with their arguments",
			[]llm.Part{call("a", "f", `{"x":1}`), call("b", llm.ShortName(long, 64), "")},
			llm.Response{Stop: llm.StopTool},
			[]string{opened(0, "a", "f"), args(0, `{"x":1}`), opened(1, "b", long), args(1, "{}"), "finish tool_calls"},
		},
		{"TOOL-18 cut arguments", []llm.Part{&llm.ToolCall{ID: "a", Name: "f", Broken: `{"x`}}, llm.Response{Stop: llm.StopLength}, []string{opened(0, "a", "f"), args(0, `{"x`), "finish length"}},
		{
			"custom calls",
			[]llm.Part{&llm.ToolCall{ID: "a", Name: "p", Custom: true, Broken: "*** x"}},
			llm.Response{Stop: llm.StopTool},
			[]string{`{"tool_calls":[{"index":0,"id":"a","type":"custom","custom":{"name":"p","input":""}}]}`, `{"tool_calls":[{"index":0,"custom":{"input":"*** x"}}]}`, "finish tool_calls"},
		},
		{"a refusal", []llm.Part{&llm.Refusal{Text: "no"}}, llm.Response{}, []string{`{"refusal":"no"}`, "finish stop"}},
		{"STOP-01 Anthropic's refusal", nil, llm.Response{Stop: llm.StopFilter, NativeStop: "refusal", StopDetails: []byte(`{"explanation":"not that"}`)}, []string{`{"refusal":"not that"}`, "finish content_filter refusal"}},
		{"STOP-04 a pause", text1("x"), llm.Response{Stop: llm.StopPause, NativeStop: "pause_turn"}, []string{`{"content":"x"}`, "finish stop pause_turn"}},
		{"texts that were apart", []llm.Part{say("a"), say("b"), &llm.Native{Dialect: "messages", Type: "x"}, say("c")}, llm.Response{}, []string{`{"content":"a"}`, `{"content":"b"}`, `{"content":"\n\n"}`, `{"content":"c"}`, "finish stop"}},
		{"nothing", nil, llm.Response{}, []string{"finish stop"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := c.end
			res.ID, res.Created, res.Parts = "x", 5, c.parts
			if res.Stop == "" {
				res.Stop = llm.StopEnd
			}
			req := &llm.Request{Model: "asked", Tools: []llm.Tool{{Name: long}}}
			got := deltas(t, send(req, &res))
			want := append(append([]string{start}, c.want...), "DONE")
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func TestEncodeStreamUsage(t *testing.T) {
	res := &llm.Response{ID: "x", Created: 5, Parts: text1("x"), Stop: llm.StopEnd, Usage: llm.Usage{Known: true, Input: 4, CacheRead: 6, Output: 2}}
	const want = `usage {"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":6},"completion_tokens_details":{"reasoning_tokens":0}}`
	has := func(req *llm.Request) bool {
		return strings.Contains(strings.Join(deltas(t, send(req, res)), "\n"), want+"\nDONE")
	}
	t.Run("STR-14 asked for", func(t *testing.T) {
		if !has(&llm.Request{Model: "asked", StreamUsage: true}) {
			t.Error("no usage chunk before the end")
		}
	})
	t.Run("STR-14 not asked for", func(t *testing.T) {
		if has(&llm.Request{Model: "asked"}) {
			t.Error("a usage chunk")
		}
	})
	t.Run("USE-10 not known", func(t *testing.T) {
		body := send(&llm.Request{Model: "asked", StreamUsage: true}, &llm.Response{ID: "x", Created: 5, Stop: llm.StopEnd})
		if strings.Contains(body, "usage") {
			t.Errorf("invented usage: %s", body)
		}
	})
}

func TestEncodeStreamFault(t *testing.T) {
	enc := Dialect{}.NewStreamEncoder(&llm.Request{Model: "asked"})
	var out []byte
	for _, e := range []*llm.Event{
		{Kind: llm.EventStart, ID: "x", Created: 5},
		{Kind: llm.EventPartStart, Part: &llm.Text{}},
		{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte("x")},
		{Kind: llm.EventFault, Err: &llm.Error{Kind: llm.ErrOverloaded, Message: "busy"}},
		{Kind: llm.EventPartEnd},
		{Kind: llm.EventFinish, Stop: llm.StopEnd},
	} {
		out = enc.Append(out, e)
	}
	got := deltas(t, string(out))
	want := []string{`{"role":"assistant","content":"","refusal":null}`, `{"content":"x"}`, `error {"message":"busy","type":"server_error","param":null,"code":"overloaded"}`}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("STR-05 ERR-11: got\n%s", strings.Join(got, "\n"))
	}
}

func TestEncodeStreamFaultFirst(t *testing.T) {
	enc := Dialect{}.NewStreamEncoder(&llm.Request{})
	out := enc.Append(nil, &llm.Event{Kind: llm.EventFault, Err: &llm.Error{Kind: llm.ErrRate, Message: "slow"}})
	if got := string(out); got != `data: {"error":{"message":"slow","type":"requests","param":null,"code":"rate_limit_exceeded"}}`+"\n\n" {
		t.Error(got)
	}
}

// Parts that are known when they open, and deltas that have no place here.
func TestEncodeStreamOddEvents(t *testing.T) {
	enc := Dialect{}.NewStreamEncoder(&llm.Request{Model: "asked"})
	var out []byte
	for _, e := range []*llm.Event{
		{Kind: llm.EventStart, ID: "x", Created: 5},
		{Kind: llm.EventPartStart, Part: &llm.Thinking{Text: "hm"}},
		{Kind: llm.EventPartEnd},
		{Kind: llm.EventPartStart, Index: 1, Part: &llm.Text{Text: "hi"}},
		{Kind: llm.EventDelta, Index: 1, Delta: llm.DeltaNative, Part: &llm.Native{Dialect: "messages"}, Text: []byte("{}")},
		{Kind: llm.EventDelta, Index: 1, Delta: llm.DeltaCitation, Cite: &llm.Citation{Dialect: Name, Raw: []byte("{\n}")}},
		{Kind: llm.EventDelta, Index: 1, Delta: llm.DeltaText},
		{Kind: llm.EventPartEnd, Index: 1},
		{Kind: llm.EventPartStart, Index: 2, Part: &llm.ToolCall{ID: "a", Name: "f", Input: []byte(`{"x":1}`)}},
		{Kind: llm.EventPartEnd, Index: 2},
		{Kind: llm.EventPartStart, Index: 3, Part: &llm.Refusal{Text: "no"}},
		{Kind: llm.EventPartEnd, Index: 3},
		{Kind: llm.EventPartStart, Index: 4, Part: &llm.Native{Dialect: "messages"}},
		{Kind: llm.EventDelta, Index: 4, Delta: llm.DeltaNative, Part: &llm.Native{}},
		{Kind: llm.EventDelta, Index: 4, Delta: llm.DeltaText, Text: []byte("lost")},
		{Kind: llm.EventDelta, Index: 4, Delta: llm.DeltaInput, Text: []byte("lost")},
		{Kind: llm.EventPartEnd, Index: 4},
		{Kind: llm.EventFinish, Stop: llm.StopEnd},
	} {
		out = enc.Append(out, e)
	}
	out = append(out, enc.Heartbeat(nil)...)
	got := deltas(t, string(out))
	want := []string{
		`{"role":"assistant","content":"","refusal":null}`, `{"reasoning_content":"hm"}`, `{"content":"hi"}`, `{"annotations":[{ }]}`,
		`{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}`, `{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":1}"}}]}`, `{"refusal":"no"}`, "finish stop", "DONE",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if lost := llmtest.DumpLosses(enc.Losses()); lost != "content, content" || enc.Losses()[0].Count != 2 {
		t.Errorf("losses %v", enc.Losses())
	}
}

// Reasoning longer than a seal may hold is shown, but not sealed; a seal of
// another issuer goes on whatever the length.
func TestEncodeStreamLongThought(t *testing.T) {
	text := strings.Repeat("h", maxThought)
	body := send(&llm.Request{Model: "asked"}, &llm.Response{ID: "x", Created: 5, Parts: []llm.Part{&llm.Thinking{Text: text + "m", Signature: "SIG"}, &llm.Thinking{Text: text, Signature: "SIG"}}, Stop: llm.StopEnd})
	if n := strings.Count(body, "reasoning_details"); n != 1 {
		t.Errorf("%d seals", n)
	}
}

// randomAnswer makes answers of every kind that chat can carry whole.
func randomAnswer(rnd *rand.Rand) *llm.Response {
	words := []string{"a", " b", "ü", "\n", `"`, `\`, "\x01", "日本", "{}", "data: ", "\u2028", "[DONE]"}
	text := func() string {
		var b strings.Builder
		for range 1 + rnd.IntN(12) {
			b.WriteString(words[rnd.IntN(len(words))])
		}
		return b.String()
	}
	res := &llm.Response{ID: "x", Created: 5, Model: "m", Stop: llm.StopEnd, Usage: llm.Usage{Known: true, Input: rnd.Int64N(1000), CacheRead: rnd.Int64N(1000), CacheWrite5m: rnd.Int64N(99), Output: rnd.Int64N(1000)}}
	if rnd.IntN(2) == 0 {
		res.Parts = append(res.Parts, &llm.Thinking{Text: text()})
	}
	if rnd.IntN(3) > 0 {
		res.Parts = append(res.Parts, &llm.Text{Text: text()})
	}
	if rnd.IntN(5) == 0 {
		res.Parts = append(res.Parts, &llm.Refusal{Text: text()})
	}
	for i := range rnd.IntN(4) {
		c := &llm.ToolCall{ID: fmt.Sprintf("c%d", i), Name: "f"}
		switch rnd.IntN(4) {
		case 0:
			c.Broken = `{"x":` + fmt.Sprintf("%q", text())
		case 1:
			c.Custom, c.Broken = true, text()
		default:
			j, _ := json.Marshal(map[string]string{"x": text(), "y": text()})
			c.Input = j
		}
		res.Parts = append(res.Parts, c)
	}
	res.Settle()
	return res
}

// An answer sent as a stream, cut anywhere, or whole, reads as it was.
func TestAnswersSurvive(t *testing.T) {
	req := &llm.Request{Model: "m", StreamUsage: true}
	for seed := range uint64(300) {
		want := randomAnswer(rand.New(rand.NewPCG(seed, 1)))
		streamed, e := decodeStream(t, send(req, want), seed, 1+int(seed%60))
		if e != nil {
			t.Fatalf("seed %d: %v", seed, e)
		}
		whole, err := Dialect{}.DecodeResponse(Dialect{}.EncodeResponse(req, want))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for what, got := range map[string]*llm.Response{"streamed": streamed, "whole": whole} {
			if a, b := llmtest.DumpParts(got.Parts), llmtest.DumpParts(want.Parts); a != b {
				t.Fatalf("seed %d, %s: got\n%s\nwant\n%s", seed, what, a, b)
			}
			if got.Stop != want.Stop || got.Usage != want.Usage || got.ID != want.ID {
				t.Fatalf("seed %d, %s: %+v, want %+v", seed, what, got, want)
			}
		}
	}
}

// Reasoning of Claude's comes back from the client as it went, wherever it stood.
func TestProofsSurvive(t *testing.T) {
	signed := func(s string) llm.Part { return &llm.Thinking{Text: s, Signature: "SIG" + s} }
	for _, parts := range [][]llm.Part{
		{signed("1"), say("a")},
		{signed("1"), &llm.Thinking{Redacted: "RED"}, say("a"), call("c", "f", "{}")},
		{signed("1"), call("c", "f", "{}"), signed("2"), call("d", "f", "{}")},
		{signed("1"), say("é"), signed("2"), say("b"), signed("3"), call("c", "f", "{}")},
		{say("a"), signed("1"), call("c", "f", "{}")},
		{&llm.Thinking{Signature: "SIG"}, call("c", "f", "{}"), &llm.Thinking{Signature: "SIG2"}},
	} {
		want := llmtest.DumpParts(parts)
		res := &llm.Response{ID: "x", Created: 5, Parts: parts, Stop: llm.StopEnd}
		var unary struct {
			Choices []struct{ Message json.RawMessage }
		}
		if err := json.Unmarshal(Dialect{}.EncodeResponse(&llm.Request{}, res), &unary); err != nil {
			t.Fatal(err)
		}
		streamed := gather(t, send(&llm.Request{Model: "asked"}, res))
		for _, message := range []string{string(unary.Choices[0].Message), streamed} {
			req := decode(t, `{"model":"m","messages":[`+message+`]}`)
			if got := llmtest.DumpParts(req.Turns[0].Parts); got != want {
				t.Errorf("got  %s\nwant %s\nfrom %s", got, want, message)
			}
		}
	}
}

// gather makes the message of a stream that a client would send back.
func gather(t *testing.T, body string) string {
	t.Helper()
	content := ""
	var details []json.RawMessage
	var calls []map[string]any
	for _, d := range deltas(t, body) {
		var m struct {
			Content string
			Details []json.RawMessage `json:"reasoning_details"`
			Calls   []struct {
				Index    int
				ID       string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
		if !strings.HasPrefix(d, "{") {
			continue
		}
		if err := json.Unmarshal([]byte(d), &m); err != nil {
			t.Fatal(err)
		}
		content += m.Content
		details = append(details, m.Details...)
		for _, c := range m.Calls {
			if c.ID != "" {
				calls = append(calls, map[string]any{"id": c.ID, "type": "function", "function": map[string]string{"name": c.Function.Name}})
			}
			calls[c.Index]["function"].(map[string]string)["arguments"] += c.Function.Arguments
		}
	}
	out, err := json.Marshal(map[string]any{"role": "assistant", "content": content, "reasoning_details": details, "tool_calls": calls})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

package converse

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// message is one message of a stream as the AWS SDK's decoder reads it.
type message struct {
	event     string
	exception bool
	payload   any
}

type transcript []message

// heard reads a stream with the AWS SDK's decoder.
func heard(t testing.TB, stream []byte) transcript {
	t.Helper()
	var out transcript
	dec, r := eventstream.NewDecoder(), bytes.NewReader(stream)
	for {
		m, err := dec.Decode(r, nil)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("the SDK refuses the stream: %v", err)
		}
		header := func(name string) string {
			if v := m.Headers.Get(name); v != nil {
				return v.String()
			}
			return ""
		}
		got := message{exception: header(":message-type") == "exception", event: header(":event-type") + header(":exception-type")}
		if header(":content-type") != "application/json" || got.event == "" || !got.exception && header(":message-type") != "event" {
			t.Fatalf("headers %v", m.Headers)
		}
		if err := json.Unmarshal(m.Payload, &got.payload); err != nil {
			t.Fatalf("payload %q: %v", m.Payload, err)
		}
		out = append(out, got)
	}
}

// one is the payload of the only message of an event.
func (h transcript) one(t testing.TB, event string) any {
	t.Helper()
	i := slices.IndexFunc(h, func(m message) bool { return m.event == event })
	if i < 0 || slices.ContainsFunc(h[i+1:], func(m message) bool { return m.event == event }) {
		t.Fatalf("not one %s in %+v", event, h)
	}
	return h[i].payload
}

// lines makes a transcript readable: event, block, payload.
func (h transcript) lines() (out []string) {
	for _, m := range h {
		v, _ := m.payload.(map[string]any)
		delete(v, "metrics")
		out = append(out, m.event+" "+mustJSON(v))
	}
	return out
}

// encodeStream sends a whole answer as a stream.
func encodeStream(req *llm.Request, res *llm.Response) []byte {
	enc := Dialect{}.NewStreamEncoder(req)
	var out []byte
	_ = res.Replay(func(e *llm.Event) error { out = enc.Append(out, e); return nil })
	return out
}

// grammar is what the API reference says of ConverseStream's order, as SDK users
// rely on it: one start, blocks one after another with rising indexes, deltas of
// one kind each, one stop, then the metadata.
func grammar(h transcript) string {
	block, open, state := 0, false, "begin"
	for i, m := range h {
		n, _ := llmtest.At(m.payload, "contentBlockIndex").(float64)
		switch m.event {
		case "messageStart":
			if i != 0 || str(m.payload, "role") != "assistant" {
				return "a start that is not the first"
			}
			state = "blocks"
		case "contentBlockStart", "contentBlockDelta":
			if state != "blocks" || int(n) != block || m.event == "contentBlockStart" && open {
				return m.event + " out of place"
			}
			if d, ok := llmtest.At(m.payload, "delta").(map[string]any); m.event == "contentBlockDelta" && (!ok || len(d) != 1) {
				return "a delta that is not one"
			}
			open = true
		case "contentBlockStop":
			if !open || int(n) != block {
				return "a stop out of place"
			}
			open = false
			block++
		case "messageStop":
			if state != "blocks" || open || str(m.payload, "stopReason") == "" {
				return "the end out of place"
			}
			state = "stopped"
		case "metadata":
			if state != "stopped" || llmtest.At(m.payload, "usage.totalTokens") == nil || llmtest.At(m.payload, "metrics.latencyMs") == nil {
				return "metadata out of place"
			}
			state = "over"
		default:
			if !m.exception || i != len(h)-1 {
				return "an exception that is not the last"
			}
			return ""
		}
	}
	if state != "over" {
		return "no end"
	}
	return ""
}

func TestEncodeStream(t *testing.T) {
	req := &llm.Request{Tools: []llm.Tool{{Name: "a.b"}}}
	seal := unsignedSeal()
	cases := []struct {
		name string
		part llm.Part
		want []string
	}{
		{"text", text("hi"), []string{`contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"hi"}}`}},
		{"an empty text is no block", text(""), nil},
		{"THK-16 signed reasoning", &llm.Thinking{Text: "t", Signature: "s"}, []string{`contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"t"}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"s"}}}`}},
		{"THK-03 a signature without a text", &llm.Thinking{Signature: "s"}, []string{`contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"s"}}}`}},
		{"THK-18 reasoning nobody signed", &llm.Thinking{Text: "t"}, []string{`contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"t"}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"` + seal + `"}}}`}},
		{"THK-06 redacted reasoning", &llm.Thinking{Redacted: "EmwK+A"}, []string{`contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"redactedContent":"RW13SytB"}}}`}},
		{"a sealed blob", &llm.Thinking{Redacted: seal}, []string{`contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"` + seal + `"}}}`}},
		{"TOOL-10 a call under the client's own name", call("i", llm.ShortName("a.b", llm.NameLimit64), `{"a":1}`), []string{`contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"name":"a.b","toolUseId":"i"}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"a\":1}"}}}`}},
		{"a call without arguments", &llm.ToolCall{ID: "i", Name: "f"}, []string{`contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"name":"f","toolUseId":"i"}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":"{}"}}}`}},
		{"free text", &llm.ToolCall{ID: "i", Name: "f", Custom: true, Broken: "a\"b"}, []string{
			`contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"name":"f","toolUseId":"i"}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"input\":\""}}}`,
			`contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":"a\\\"b"}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":"\"}"}}}`,
		}},
		{"STR-16 cited text", &llm.Text{Text: "a", Citations: llmtest.Cites("converse", `[{"title":"t"}]`)}, []string{`contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"a"}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"citation":{"title":"t"}}}`}},
		{"citations without a text", &llm.Native{Dialect: "converse", Type: "citationsContent", Raw: []byte(`{"citationsContent":{"citations":[{"title":"t"}]}}`)}, []string{`contentBlockDelta {"contentBlockIndex":0,"delta":{"citation":{"title":"t"}}}`}},
		{"a picture", &llm.Media{Kind: llm.Image, MIME: "image/png", Data: "iVBO"}, []string{`contentBlockStart {"contentBlockIndex":0,"start":{"image":{"format":"png"}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"image":{"source":{"bytes":"iVBO"}}}}`}},
		{"STR-16 a call of Bedrock's own tool", &llm.Native{Dialect: "converse", Type: "toolUse", Raw: []byte(`{"toolUse":{"toolUseId":"i","name":"g","type":"server_tool_use","input":{"q":1}}}`)}, []string{
			`contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"name":"g","toolUseId":"i","type":"server_tool_use"}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"q\":1}"}}}`,
		}},
		{"its result", &llm.Native{Dialect: "converse", Type: "toolResult", Raw: []byte(`{"toolResult":{"toolUseId":"i","type":"r","content":[{"text":"x"}]}}`)}, []string{
			`contentBlockStart {"contentBlockIndex":0,"start":{"toolResult":{"toolUseId":"i","type":"r"}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"toolResult":[{"text":"x"}]}}`,
		}},
		{"what only others have", &llm.Native{Dialect: "messages", Type: "x", Raw: []byte(`{}`)}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := heard(t, encodeStream(req, &llm.Response{Parts: []llm.Part{c.part, text("end")}, Stop: llm.StopEnd, Usage: llm.Usage{Known: true, Input: 1, Output: 2}}))
			if bad := grammar(h); bad != "" {
				t.Errorf("%s: %q", bad, h.lines())
			}
			index := "0"
			want := []string{`messageStart {"role":"assistant"}`}
			if c.want != nil {
				want = append(append(want, c.want...), `contentBlockStop {"contentBlockIndex":0}`)
				index = "1"
			}
			want = append(want, `contentBlockDelta {"contentBlockIndex":`+index+`,"delta":{"text":"end"}}`, `contentBlockStop {"contentBlockIndex":`+index+`}`,
				`messageStop {"stopReason":"end_turn"}`, `metadata {"usage":{"cacheReadInputTokens":0,"cacheWriteInputTokens":0,"inputTokens":1,"outputTokens":2,"totalTokens":3}}`)
			if got := h.lines(); !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func TestEncodeStreamEnds(t *testing.T) {
	fault := &llm.Event{Kind: llm.EventFault, Err: &llm.Error{Kind: llm.ErrOverloaded, Message: "busy"}}
	finish := &llm.Event{Kind: llm.EventFinish, Stop: llm.StopEnd}
	part := &llm.Event{Kind: llm.EventPartStart, Part: text("half")}
	start := &llm.Event{Kind: llm.EventStart}
	stop := &llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte("x")}
	cases := []struct {
		name   string
		events []*llm.Event
		want   []string
	}{
		{"STR-05 ERR-11 a fault in the middle", []*llm.Event{start, part, fault, finish, stop}, []string{"messageStart", "contentBlockDelta", "serviceUnavailableException"}},
		{"STR-03 a fault at once", []*llm.Event{fault}, []string{"serviceUnavailableException"}},
		{"STR-02 two starts", []*llm.Event{start, start, finish}, []string{"messageStart", "messageStop", "metadata"}},
		{"STOP-06 an end and nothing else", []*llm.Event{finish}, []string{"messageStart", "messageStop", "metadata"}},
		{"nothing after the end", []*llm.Event{start, finish, fault, start}, []string{"messageStart", "messageStop", "metadata"}},
		{"STR-15 a part nobody closed", []*llm.Event{part, finish}, []string{"messageStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}},
		{"a delta of nothing", []*llm.Event{start, stop, finish}, []string{"messageStart", "messageStop", "metadata"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			enc := Dialect{}.NewStreamEncoder(&llm.Request{})
			var out []byte
			for _, e := range c.events {
				out = enc.Append(out, e)
				if beat := enc.Heartbeat(nil); len(beat) > 0 {
					t.Errorf("a heartbeat of %q", beat)
				}
			}
			h := heard(t, out)
			var got []string
			for _, m := range h {
				got = append(got, m.event)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			if bad := grammar(h); bad != "" {
				t.Error(bad)
			}
		})
	}
}

// randomAnswer makes an answer of anything a part can be.
func randomAnswer(r *rand.Rand) *llm.Response {
	words := []string{"a", "größe", "日本 🐦", "line\nbreak", "\x00", "\"quoted\\\"", " blank "}
	word := func() string { return words[r.IntN(len(words))] }
	res := &llm.Response{Usage: llm.Usage{Known: true, Input: r.Int64N(99), Output: r.Int64N(99), CacheRead: r.Int64N(99), CacheWrite5m: r.Int64N(9), CacheWrite1h: r.Int64N(9)}}
	res.Usage.LifeUntold = res.Usage.CacheWrite5m > 0 && res.Usage.CacheWrite1h == 0 // what we write tells only an hour
	for i := range r.IntN(6) {
		var p llm.Part
		switch r.IntN(7) {
		case 0:
			p = &llm.Thinking{Text: word(), Signature: "sig"}
		case 1:
			p = &llm.Thinking{Redacted: redactedBlob("EmwK")}
		case 2:
			p = call(string(rune('a'+i)), "f", `{"größe": "🐦"}`)
		case 3:
			p = &llm.Native{Dialect: "converse", Type: "toolUse", Raw: []byte(`{"toolUse":{"toolUseId":"s","name":"g","type":"server_tool_use","input":{"q":1}}}`)}
		default:
			if i > 0 {
				if _, ok := res.Parts[i-1].(*llm.Text); ok {
					p = &llm.Thinking{Text: word(), Signature: "sig"}
					break
				}
			}
			p = text(word())
		}
		res.Parts = append(res.Parts, p)
	}
	stops := map[llm.Stop]string{llm.StopEnd: "end_turn", llm.StopLength: "max_tokens", llm.StopFilter: "content_filtered"}
	res.Stop = []llm.Stop{llm.StopEnd, llm.StopLength, llm.StopFilter}[r.IntN(3)]
	if res.Settle(); res.Stop == llm.StopTool {
		res.NativeStop = "tool_use"
	} else {
		res.NativeStop = stops[res.Stop]
	}
	return res
}

// TestEveryAnswerComesBack sends random answers, whole and as streams cut
// anywhere, and reads them again.
func TestEveryAnswerComesBack(t *testing.T) {
	for seed := range uint64(1500) {
		want := randomAnswer(rand.New(rand.NewPCG(seed, 3))) //nolint:gosec // repeatable on purpose
		whole := decode(t, string(Dialect{}.EncodeResponse(&llm.Request{}, want)))
		whole.Extra = nil
		if !reflect.DeepEqual(whole, want) {
			t.Fatalf("seed %d:\ngot  %s\nwant %s", seed, mustJSON(whole), mustJSON(want))
		}
		out := encodeStream(&llm.Request{}, want)
		if bad := grammar(heard(t, out)); bad != "" {
			t.Fatalf("seed %d: %s", seed, bad)
		}
		got, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewEventStream(llmtest.Chopped(out, seed, 40), 0))
		if got != nil {
			got.Extra = nil
		}
		if fault != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %v\ngot  %s\nwant %s", seed, fault, mustJSON(got), mustJSON(want))
		}
	}
}

// BenchmarkStreamEncode is one delta of 250 bytes.
func BenchmarkStreamEncode(b *testing.B) {
	enc := Dialect{}.NewStreamEncoder(&llm.Request{})
	out := enc.Append(nil, &llm.Event{Kind: llm.EventPartStart, Part: &llm.Text{}})
	delta := &llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: bytes.Repeat([]byte("word "), 50)}
	b.ReportAllocs()
	for b.Loop() {
		out = enc.Append(out[:0], delta)
	}
}

package converse

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/llm/schema"
	"turnpike/internal/wire"
)

const (
	started  = `{"p":"abc","role":"assistant"}`
	metadata = `{"metrics":{"latencyMs":1},"p":"a","usage":{"inputTokens":3,"outputTokens":2,"serverToolUsage":{},"totalTokens":5}}`
)

// stream makes a whole stream of pairs between start and metadata.
func stream(stop string, pairs ...string) []byte {
	all := append([]string{"messageStart", started}, pairs...)
	return frames(append(all, "messageStop", `{"p":"x","stopReason":"`+stop+`"}`, "metadata", metadata)...)
}

func delta(block, inner string) string {
	return `{"contentBlockIndex":` + block + `,"delta":` + inner + `,"p":"abcd"}`
}

func decodeStream(t testing.TB, b []byte) (*llm.Response, *llm.Error) {
	t.Helper()
	return llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewEventStream(bytes.NewReader(b), 0))
}

func TestStream(t *testing.T) {
	stop := func(block string) []string {
		return []string{"contentBlockStop", `{"contentBlockIndex":` + block + `,"p":"z"}`}
	}
	join := func(lists ...[]string) (all []string) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	d := func(block, inner string) []string { return []string{"contentBlockDelta", delta(block, inner)} }
	start := func(block, inner string) []string {
		return []string{"contentBlockStart", `{"contentBlockIndex":` + block + `,"p":"q","start":` + inner + `}`}
	}
	cases := []struct {
		name  string
		pairs []string
		want  []llm.Part
	}{
		{"text", join(d("0", `{"text":"Hel"}`), d("0", `{"text":"lo \u00e9"}`), stop("0")), []llm.Part{text("Hello é")}},
		{
			"an empty text block opens nothing", join(d("0", `{"text":""}`), stop("0"), d("1", `{"reasoningContent":{"text":"hm"}}`), stop("1"), d("2", `{"text":"a"}`), stop("2")),
			[]llm.Part{&llm.Thinking{Text: "hm"}, text("a")},
		},
		{
			"THK-01 reasoning with its signature", join(d("0", `{"reasoningContent":{"text":"a"}}`), d("0", `{"reasoningContent":{"text":"b"}}`), d("0", `{"reasoningContent":{"signature":"sig"}}`), stop("0")),
			[]llm.Part{&llm.Thinking{Text: "ab", Signature: "sig"}},
		},
		{"THK-03 a signature alone", join(d("0", `{"reasoningContent":{"signature":"sig"}}`), stop("0")), []llm.Part{&llm.Thinking{Signature: "sig"}}},
		{
			"THK-06 redacted reasoning in pieces", join(d("0", `{"reasoningContent":{"redactedContent":"QUI="}}`), d("0", `{"reasoningContent":{"redactedContent":"Qw=="}}`), stop("0"), d("1", `{"text":"a"}`), stop("1")),
			[]llm.Part{&llm.Thinking{Redacted: "QUJD"}, text("a")},
		},
		{
			"parallel calls", join(start("0", `{"toolUse":{"name":"f","toolUseId":"a"}}`), d("0", `{"toolUse":{"input":"{\"x\""}}`), d("0", `{"toolUse":{"input":":1}"}}`), stop("0"),
				start("1", `{"toolUse":{"name":"g","toolUseId":"b"}}`), stop("1")),
			[]llm.Part{&llm.ToolCall{ID: "a", Name: "f", Input: []byte(`{"x":1}`)}, &llm.ToolCall{ID: "b", Name: "g"}},
		},
		{
			"STR-15 text, call, reasoning, text", join(d("0", `{"text":"a"}`), stop("0"), start("1", `{"toolUse":{"name":"f","toolUseId":"a"}}`), d("1", `{"toolUse":{"input":"{}"}}`), stop("1"),
				d("2", `{"reasoningContent":{"text":"r"}}`), stop("2"), d("3", `{"text":"b"}`), stop("3")),
			[]llm.Part{text("a"), &llm.ToolCall{ID: "a", Name: "f", Input: []byte("{}")}, &llm.Thinking{Text: "r"}, text("b")},
		},
		{
			"blocks that never stop", join(d("0", `{"text":"a"}`), d("1", `{"text":"b"}`), d("2", `{"reasoningContent":{"redactedContent":"QQ=="}}`)),
			[]llm.Part{text("a"), text("b"), &llm.Thinking{Redacted: "QQ=="}},
		},
		{
			"STR-16 a server tool", join(start("0", `{"toolUse":{"name":"nova_grounding","toolUseId":"t","type":"server_tool_use"}}`), d("0", `{"toolUse":{"input":"{\"query\":"}}`), d("0", `{"toolUse":{"input":"1}"}}`), stop("0"),
				start("1", `{"toolResult":{"status":"success","toolUseId":"t","type":"r"}}`), d("1", `{"toolResult":[{"text":"a"}]}`), d("1", `{"toolResult":[{"text":"b"}]}`), stop("1"), d("2", `{"text":"x"}`), stop("2")),
			[]llm.Part{
				&llm.Native{Dialect: "converse", Type: "toolUse", Raw: []byte(`{"toolUse":{"name":"nova_grounding","toolUseId":"t","type":"server_tool_use","input":{"query":1}}}`)},
				&llm.Native{Dialect: "converse", Type: "toolResult", Raw: []byte(`{"toolResult":{"status":"success","toolUseId":"t","type":"r","content":[{"text":"a"},{"text":"b"}]}}`)}, text("x"),
			},
		},
		{
			"citations before and behind their text", join(d("0", `{"citation":{"n":1}}`), d("0", `{"text":"a"}`), stop("0"), d("1", `{"citation":{"n":2}}`), stop("1"), d("2", `{"text":"b"}`), stop("2")),
			[]llm.Part{&llm.Text{Text: "a", Citations: cites(`[{"n":1},{"n":2}]`)}, text("b")},
		},
		{
			"citations of nothing", join(d("0", `{"citation":{"n":1}}`), stop("0"), d("1", `{"text":"b"}`), stop("1")),
			[]llm.Part{&llm.Native{Dialect: "converse", Type: "citationsContent", Raw: []byte(`{"citationsContent":{"citations":[{"n":1}]}}`)}, text("b")},
		},
		{
			"what comes next year", join(start("0", `{"hologram":{"x":1}}`), d("0", `{"hologram":{"y":2}}`), stop("0"), d("1", `{"aroma":{}}`), stop("1"), d("2", `{"text":"b"}`), stop("2")),
			[]llm.Part{&llm.Native{Dialect: "converse", Type: "hologram", Raw: []byte(`{"hologram":{"x":1}}`)}, &llm.Native{Dialect: "converse", Type: "aroma"}, text("b")},
		},
		{"STOP-06 nothing at all", nil, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			res, fault := decodeStream(t, stream("end_turn", c.pairs...))
			if fault != nil {
				t.Fatal(fault)
			}
			if !reflect.DeepEqual(res.Parts, c.want) {
				t.Errorf("got  %s\nwant %s", mustJSON(res.Parts), mustJSON(c.want))
			}
			if want := (llm.Usage{Known: true, Input: 3, Output: 2}); res.Usage != want {
				t.Errorf("usage %+v", res.Usage)
			}
		})
	}
}

// TestStreamCitations sees that citations reach the part of their text.
func TestStreamCitations(t *testing.T) {
	b := stream("end_turn", "contentBlockDelta", delta("0", `{"citation":{"n":1}}`), "contentBlockDelta", delta("0", `{"text":"a"}`), "contentBlockStop", `{"contentBlockIndex":0}`,
		"contentBlockDelta", delta("1", `{"citation":{"n":2}}`), "contentBlockStop", `{"contentBlockIndex":1}`, "contentBlockDelta", delta("2", `{"text":"b"}`))
	var got []string
	yield := func(e *llm.Event) error {
		if e.Kind == llm.EventDelta && e.Delta == llm.DeltaCitation {
			got = append(got, string(rune('0'+e.Index))+string(e.Cite.Raw))
		}
		return nil
	}
	llmtest.Relay(t, Dialect{}.NewStreamDecoder(), wire.NewEventStream(bytes.NewReader(b), 0), yield)
	if want := []string{`0{"n":1}`, `0{"n":2}`}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStreamEnds(t *testing.T) {
	t.Run("usage comes behind messageStop", func(t *testing.T) {
		res, fault := decodeStream(t, frames("messageStart", started, "messageStop", `{"stopReason":"max_tokens"}`))
		if fault != nil || res.Stop != llm.StopLength || res.Usage.Known {
			t.Errorf("got %+v, %v", res, fault)
		}
	})
	t.Run("usage before messageStop", func(t *testing.T) {
		res, fault := decodeStream(t, frames("messageStart", started, "metadata", metadata, "messageStop", `{"stopReason":"end_turn"}`))
		if fault != nil || res.Usage.Output != 2 {
			t.Errorf("got %+v, %v", res, fault)
		}
	})
	t.Run("STR-02 a second messageStart starts nothing", func(t *testing.T) {
		_, fault := decodeStream(t, stream("end_turn", "messageStart", started))
		if fault != nil {
			t.Error(fault)
		}
	})
	t.Run("STOP-07 a call with another reason", func(t *testing.T) {
		res, _ := decodeStream(t, stream("end_turn", "contentBlockStart", `{"start":{"toolUse":{"name":"f","toolUseId":"a"}}}`))
		if res.Stop != llm.StopTool {
			t.Errorf("stop %q", res.Stop)
		}
	})
	t.Run("STOP-10 the sequence that matched", func(t *testing.T) {
		res, _ := decodeStream(t, frames("messageStop", `{"stopReason":"stop_sequence","additionalModelResponseFields":{"stop_sequence":"END"}}`, "metadata", metadata))
		if res.StopSequence != "END" || res.Stop != llm.StopSequence {
			t.Errorf("got %+v", res)
		}
	})
	t.Run("STR-05 a stream that breaks off is no answer", func(t *testing.T) {
		for _, b := range [][]byte{nil, frames("messageStart", started), frames("messageStart", started, "contentBlockDelta", delta("0", `{"text":"a"}`), "contentBlockStop", `{}`), frames("metadata", metadata)} {
			_, fault := decodeStream(t, b)
			if fault == nil || fault.Kind != llm.ErrUpstream || !strings.Contains(fault.Message, "broke off") {
				t.Errorf("got %v", fault)
			}
		}
	})
	t.Run("STR-19 an exception frame", func(t *testing.T) {
		for typ, kind := range map[string]llm.ErrorKind{
			"throttlingException": llm.ErrRate, "modelStreamErrorException": llm.ErrUpstream, "internalServerException": llm.ErrUpstream,
			"validationException": llm.ErrInvalid, "serviceUnavailableException": llm.ErrUnavail, "modelTimeoutException": llm.ErrTimeout, "surpriseException": llm.ErrUpstream,
		} {
			_, fault := decodeStream(t, frames("messageStart", started, "contentBlockDelta", delta("0", `{"text":"a"}`), typ, `{"message":"wait"}`, "metadata", metadata))
			if fault == nil || fault.Kind != kind || fault.Message != "wait" || !fault.Upstream || fault.Type != typ {
				t.Errorf("%s: %+v", typ, fault)
			}
		}
	})
	t.Run("STR-03 an exception first, without words", func(t *testing.T) {
		_, fault := decodeStream(t, frames("throttlingException", ``))
		if fault == nil || fault.Message == "" {
			t.Errorf("got %+v", fault)
		}
	})
	t.Run("arguments of a call that never began", func(t *testing.T) {
		_, fault := decodeStream(t, stream("end_turn", "contentBlockDelta", delta("0", `{"toolUse":{"input":"{}"}}`)))
		if fault == nil || fault.Kind != llm.ErrUpstream {
			t.Errorf("got %v", fault)
		}
	})
	t.Run("frames that are not JSON", func(t *testing.T) {
		for _, event := range []string{"contentBlockStart", "contentBlockDelta", "messageStop", "metadata"} {
			for _, payload := range []string{`<html>`, `{"contentBlockIndex":"x","delta":{},"stopReason":1,"usage":2,"start":3}`, `{`} {
				dec := Dialect{}.NewStreamDecoder()
				err := dec.Frame(wire.Frame{Event: []byte(event), Data: []byte(payload)}, func(e *llm.Event) error { return nil })
				var e *llm.Error
				if !errors.As(err, &e) || e.Kind != llm.ErrUpstream {
					t.Errorf("%s %s: %v", event, payload, err)
				}
			}
		}
	})
	t.Run("the reader of events may stop it", func(t *testing.T) {
		full := errors.New("client gone")
		dec := Dialect{}.NewStreamDecoder()
		err := dec.Frame(wire.Frame{Event: []byte("contentBlockDelta"), Data: []byte(delta("0", `{"text":"a"}`))}, func(*llm.Event) error { return full })
		if !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
	})
}

func TestMeter(t *testing.T) {
	m := Dialect{}.NewMeter()
	b := stream("max_tokens", "contentBlockDelta", delta("0", `{"text":"a"}`), "contentBlockStop", `{}`)
	r := wire.NewEventStream(bytes.NewReader(b), 0)
	var classes []llm.FrameClass
	for {
		f, err := r.Next()
		if err != nil {
			break
		}
		classes = append(classes, m.Frame(f))
	}
	if want := []llm.FrameClass{llm.FrameOther, llm.FrameContent, llm.FrameOther, llm.FrameOther, llm.FrameEnd}; !reflect.DeepEqual(classes, want) {
		t.Errorf("classes %v, want %v", classes, want)
	}
	got := m.Result()
	if !got.Complete || got.Stop != llm.StopLength || got.Usage.Output != 2 || got.OutputBytes == 0 {
		t.Errorf("got %+v", got)
	}
	m = Dialect{}.NewMeter()
	if c := m.Frame(wire.Frame{Event: []byte("throttlingException"), Data: []byte(`{"message":"slow"}`), Exception: true}); c != llm.FrameError || m.Result().Fault.Kind != llm.ErrRate {
		t.Errorf("class %v, %+v", c, m.Result())
	}
	m = Dialect{}.NewMeter()
	m.Body([]byte(answer(`{"text":"a"}`, "end_turn")))
	if got := m.Result(); !got.Complete || got.Usage.Input != 3 {
		t.Errorf("got %+v", got)
	}
	m.Body([]byte(`<html>`))
}

func FuzzDecodeStream(f *testing.F) {
	f.Add(stream("end_turn", "contentBlockDelta", delta("0", `{"text":"a"}`)))
	f.Add(stream("tool_use", "contentBlockStart", `{"start":{"toolUse":{"name":"f","toolUseId":"a"}}}`, "contentBlockDelta", delta("0", `{"toolUse":{"input":"{"}}`)))
	f.Add(stream("x", "contentBlockDelta", delta("0", `{"citation":{}}`), "contentBlockStart", `{"start":{"toolUse":{"type":"server_tool_use"}}}`, "contentBlockDelta", delta("1", `{"reasoningContent":{"redactedContent":"QQ=="}}`)))
	f.Add(frames("throttlingException", `{"message":"x"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		g := llmtest.NewGrammar()
		dec, r := Dialect{}.NewStreamDecoder(), wire.NewEventStream(bytes.NewReader(b), 1<<20)
		for !g.Over() {
			fr, err := r.Next()
			if err != nil {
				if err := dec.End(g.Yield); err != nil {
					t.Fatalf("end: %v", err)
				}
				break
			}
			if err := dec.Frame(fr, g.Yield); err != nil {
				if _, ok := errors.AsType[*llm.Error](err); !ok {
					t.Fatalf("frame %q %q: %v", fr.Event, fr.Data, err)
				}
				return
			}
		}
		if !g.Over() {
			t.Fatal("never over")
		}
	})
}

// FuzzStreamFrames reaches deeper than FuzzDecodeStream, which must guess
// checksums: it gives events and payloads, one a line.
func FuzzStreamFrames(f *testing.F) {
	f.Add("contentBlockDelta " + delta("0", `{"text":"a"}`) + "\nmessageStop {}\nmetadata {}")
	f.Add("contentBlockStart {\"start\":{\"toolUse\":{\"type\":\"server_tool_use\"}}}\ncontentBlockDelta " + delta("0", `{"toolUse":{"input":"{"}}`) + "\ncontentBlockStop {}\nmessageStop {}")
	f.Add("contentBlockDelta " + delta("0", `{"citation":{}}`) + "\ncontentBlockStop {}\ncontentBlockDelta " + delta("0", `{"image":{}}`))
	f.Fuzz(func(t *testing.T, script string) {
		g := llmtest.NewGrammar()
		dec := Dialect{}.NewStreamDecoder()
		for line := range strings.Lines(script) {
			event, data, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
			if err := dec.Frame(wire.Frame{Event: []byte(event), Data: []byte(data)}, g.Yield); err != nil {
				if _, ok := errors.AsType[*llm.Error](err); !ok {
					t.Fatalf("%s: %v", line, err)
				}
				return
			}
		}
		if err := dec.End(g.Yield); err != nil || !g.Over() {
			t.Fatalf("end: %v", err)
		}
	})
}

func BenchmarkStreamDelta(b *testing.B) {
	f := wire.Frame{Event: []byte("contentBlockDelta"), Data: []byte(delta("0", `{"text":"`+strings.Repeat("word ", 40)+`"}`))}
	dec := Dialect{}.NewStreamDecoder()
	yield := func(*llm.Event) error { return nil }
	b.SetBytes(int64(len(f.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := dec.Frame(f, yield); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMeterDelta(b *testing.B) {
	f := wire.Frame{Event: []byte("contentBlockDelta"), Data: []byte(delta("0", `{"text":"`+strings.Repeat("word ", 40)+`"}`))}
	m := Dialect{}.NewMeter()
	b.ReportAllocs()
	for b.Loop() {
		m.Frame(f)
	}
}

func BenchmarkEncodeRequest(b *testing.B) {
	req := &llm.Request{System: []llm.Part{text(strings.Repeat("s", 4000))}, Tools: []llm.Tool{{Name: "f", Schema: []byte(schema.Open)}}}
	for range 20 {
		req.Turns = append(req.Turns, user(text(strings.Repeat("q", 500))), assistant(text("a"), call("c", "f", `{"a":1}`)), user(result("c", text("r"))), assistant(text("done")))
	}
	target := &llm.Target{Caps: claudeCaps()}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := (Dialect{}).EncodeRequest(req, target); err != nil {
			b.Fatal(err)
		}
	}
}

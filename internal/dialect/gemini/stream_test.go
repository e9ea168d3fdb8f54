package gemini

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

func part(parts, more string) string {
	return `{"candidates":[{"content":{"parts":[` + parts + `],"role":"model"}` + more + `,"index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":1},"modelVersion":"m","responseId":"r"}`
}

const stopped = `,"finishReason":"STOP"`

func TestStreamDecode(t *testing.T) {
	t.Run("texts grow, kinds change, usage of the last chunk counts", func(t *testing.T) {
		res, fault := stream(t, part(`{"text":"h","thought":true}`, ``), part(`{"text":"m","thought":true},{"text":"Hé"}`, ``), part(`{"text":"llo 🐦"}`, ``),
			part(`{"functionCall":{"name":"f","args":{"a":[1]},"id":"x"},"thoughtSignature":"S"}`, ``), part(`{"text":""}`, stopped),
			`{"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":4,"thoughtsTokenCount":2}}`)
		want := &llm.Response{
			ID: "r", Model: "m", Stop: llm.StopTool, NativeStop: "STOP", Usage: llm.Usage{Known: true, Input: 9, Output: 6, Reasoning: 2},
			Parts: []llm.Part{&llm.Thinking{Text: "hm"}, say("Héllo 🐦"), &llm.ToolCall{ID: "x", Name: "f", Input: []byte(`{"a":[1]}`), Seal: "S"}},
		}
		if fault != nil || !reflect.DeepEqual(res, want) {
			t.Errorf("%s %v", js(res), fault)
		}
	})
	t.Run("a list in one frame", func(t *testing.T) {
		res, fault := stream(t, `[`+part(`{"text":"a"}`, ``)+","+part(`{"text":"b"}`, stopped)+`]`)
		if fault != nil || !reflect.DeepEqual(res.Parts, []llm.Part{say("ab")}) {
			t.Errorf("%s %v", js(res), fault)
		}
	})
	t.Run("STR-05 a stream without a reason to stop broke off", func(t *testing.T) {
		for _, chunks := range [][]string{{}, {part(`{"text":"a"}`, ``)}, {part(`{"functionCall":{"name":"f"}}`, ``)}, {part(``, `,"finishReason":"FINISH_REASON_UNSPECIFIED"`)}} {
			if _, fault := stream(t, chunks...); fault == nil || fault.Kind != llm.ErrUpstream {
				t.Errorf("%v: %v", chunks, fault)
			}
		}
	})
	t.Run("STR-03 an error inside the stream", func(t *testing.T) {
		for _, before := range [][]string{{}, {part(`{"text":"a"}`, ``)}} {
			_, fault := stream(t, append(before, `{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}`, part(`{"text":"b"}`, stopped))...)
			if fault == nil || fault.Kind != llm.ErrOverloaded || !fault.Upstream {
				t.Errorf("%+v", fault)
			}
		}
	})
	t.Run("what cannot be read is an error", func(t *testing.T) {
		for _, chunk := range []string{`x`, `{"candidates":`, `5`, `{"candidates":[{"content":{"parts":[{"text":{}}]}}]}`, `{"candidates":[{"content":{"parts":[{"functionCall":3}]}}]}`, `[{},5]`} {
			d := Dialect{}.NewStreamDecoder()
			if err := d.Frame(wire.Frame{Data: []byte(chunk)}, func(*llm.Event) error { return nil }); err == nil {
				t.Errorf("%s was taken", chunk)
			}
		}
	})
}

func TestMeter(t *testing.T) {
	m := Dialect{}.NewMeter()
	for _, f := range []struct {
		chunk string
		want  llm.FrameClass
	}{
		{part(`{"text":"a"}`, ``), llm.FrameContent},
		{`{"responseId":"r"}`, llm.FrameOther},
		{part(`{"functionCall":{"name":"f"}}`, stopped), llm.FrameContent},
		{`{"usageMetadata":{"promptTokenCount":5,"thoughtsTokenCount":2}}`, llm.FrameContent},
		{`what`, llm.FrameOther},
	} {
		if got := m.Frame(wire.Frame{Data: []byte(f.chunk)}); got != f.want {
			t.Errorf("%s: class %d", f.chunk, got)
		}
	}
	want := llm.MeterResult{Usage: llm.Usage{Known: true, Input: 5, Output: 2, Reasoning: 2}, Stop: llm.StopTool, Model: "m", Complete: true}
	got := m.Result()
	if got.OutputBytes == 0 {
		t.Error("no bytes")
	}
	if got.OutputBytes = 0; js(got) != js(want) {
		t.Errorf("%+v", got)
	}
	t.Run("STR-05 half a stream is not complete", func(t *testing.T) {
		m := Dialect{}.NewMeter()
		m.Frame(wire.Frame{Data: []byte(part(`{"text":"a"}`, ``))})
		if r := m.Result(); r.Complete || r.Stop != "" {
			t.Errorf("%+v", r)
		}
		if m.Frame(wire.Frame{Data: []byte(`{"error":{"code":500,"message":"boom","status":"INTERNAL"}}`)}) != llm.FrameError || m.Result().Fault == nil {
			t.Errorf("%+v", m.Result())
		}
	})
	t.Run("a body framed as a list", func(t *testing.T) {
		m := Dialect{}.NewMeter()
		m.Body([]byte(`[` + part(`{"text":"a"}`, ``) + `,` + part(`{"text":"b"}`, stopped) + `]`))
		if r := m.Result(); !r.Complete || r.Stop != llm.StopEnd {
			t.Errorf("%+v", r)
		}
	})
}

// randomAnswer makes an answer that Gemini could have given.
func randomAnswer(rnd *rand.Rand) *llm.Response {
	words := []string{"a", "größe", "日本 🐦", "line\nbreak", "\x00", `"q\"`, strings.Repeat("long ", 100)}
	word := func() string { return words[rnd.IntN(len(words))] }
	res := &llm.Response{ID: "r" + word(), Stop: []llm.Stop{llm.StopEnd, llm.StopLength}[rnd.IntN(2)]}
	if rnd.IntN(2) == 0 {
		res.Usage = llm.Usage{Known: true, Input: rnd.Int64N(99), CacheRead: rnd.Int64N(99), Reasoning: rnd.Int64N(50)}
		res.Usage.Output = res.Usage.Reasoning + rnd.Int64N(99)
	}
	for last := 0; rnd.IntN(6) > 0; {
		kind := rnd.IntN(4)
		if kind == last && kind < 2 { // two texts are one
			continue
		}
		switch last = kind; kind {
		case 0:
			res.Parts = append(res.Parts, say(word()))
			if rnd.IntN(3) == 0 {
				res.Parts, last = append(res.Parts, signaturePart("S")), -1
			}
		case 1:
			res.Parts = append(res.Parts, &llm.Thinking{Text: word()})
		case 2:
			c := &llm.ToolCall{ID: "i" + word(), Name: "f", Input: []byte(`{"größe":[1,"\ud83d\udc26"]}`)}
			if rnd.IntN(2) == 0 {
				c.Seal = "SEAL"
				if n := len(res.Parts); n > 0 {
					if th, ok := res.Parts[n-1].(*llm.Thinking); ok {
						th.Signature = ownSeal("SEAL")
					}
				}
			}
			res.Parts = append(res.Parts, c)
		case 3:
			res.Parts = append(res.Parts, &llm.Native{Dialect: name, Type: "executableCode", Raw: []byte(`{"executableCode":{"code":"1"}}`)})
		}
	}
	res.Settle()
	return res
}

// native sets the reason as Gemini will have said it.
func native(res *llm.Response) *llm.Response {
	out := *res
	out.NativeStop = finishReason(res.Stop, "")
	return &out
}

// TestAnswersSurvive: what is encoded for a client of the API, whole or streamed
// in either framing, reads as the same answer.
func TestAnswersSurvive(t *testing.T) {
	for seed := range uint64(1500) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		res := randomAnswer(rnd)
		want := native(res)
		if len(res.Parts) > 0 {
			whole, err := Dialect{}.DecodeResponse(Dialect{}.EncodeResponse(&llm.Request{}, res))
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if whole.Losses, whole.Extra = nil, nil; !reflect.DeepEqual(whole, want) {
				t.Fatalf("seed %d, whole:\ngot  %s\nwant %s", seed, js(whole), js(want))
			}
		}
		var lines, list []byte
		for enc, out := range map[llm.StreamEncoder]*[]byte{Dialect{}.NewStreamEncoder(&llm.Request{}): &lines, Dialect{}.NewArrayEncoder(&llm.Request{}): &list} {
			if err := res.Replay(func(e *llm.Event) error {
				*out = enc.Append(*out, e)
				if e.Kind != llm.EventFinish && rnd.IntN(3) == 0 {
					*out = enc.Heartbeat(*out)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if !json.Valid(list) {
			t.Fatalf("seed %d: no JSON list: %s", seed, list)
		}
		for how, data := range map[string][]byte{"events": lines, "list": sse(compact(t, list))} {
			got, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewSSE(llmtest.Chopped(data, seed, 60), 0))
			if fault != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, %s: %v\ngot  %s\nwant %s\n%s", seed, how, fault, js(got), js(want), data)
			}
		}
	}
}

// compact takes the line breaks out of JSON.
func compact(t testing.TB, data []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestStreamEncode(t *testing.T) {
	t.Run("STR-05 a fault is an error chunk and nothing follows", func(t *testing.T) {
		for _, list := range []bool{false, true} {
			enc := Dialect{}.NewStreamEncoder(&llm.Request{})
			if list {
				enc = Dialect{}.NewArrayEncoder(&llm.Request{})
			}
			var out []byte
			for _, e := range []llm.Event{
				{Kind: llm.EventStart},
				{Kind: llm.EventPartStart, Part: &llm.Text{}},
				{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte("half")},
				{Kind: llm.EventFault, Err: &llm.Error{Kind: llm.ErrOverloaded, Message: "later"}},
				{Kind: llm.EventFinish, Stop: llm.StopEnd},
			} {
				out = enc.Append(out, &e)
			}
			out = enc.Heartbeat(out)
			s := string(out)
			if !strings.Contains(s, `"error":{"code":503,"message":"later","status":"UNAVAILABLE"}`) || strings.Contains(s, "finishReason") || list != json.Valid(out) {
				t.Errorf("%s", s)
			}
		}
	})
	t.Run("reasoning is hidden from those who did not ask, its proof is not", func(t *testing.T) {
		res := &llm.Response{Parts: []llm.Part{&llm.Thinking{Text: "secret thought", Signature: "S"}, say("so")}, Stop: llm.StopEnd}
		req := &llm.Request{Thinking: llm.Thought{Mode: llm.ThinkingBudget, Display: displayOmitted}}
		enc := Dialect{}.NewStreamEncoder(req)
		var out []byte
		if err := res.Replay(func(e *llm.Event) error { out = enc.Append(out, e); return nil }); err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{string(out), string(Dialect{}.EncodeResponse(req, res))} {
			if strings.Contains(s, "secret") || !strings.Contains(s, sealedPrefix) {
				t.Errorf("%s", s)
			}
		}
	})
}

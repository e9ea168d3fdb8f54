package chat

import (
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// inPieces is one answer as it comes whole, its text in one choice and its calls in
// others.
const inPieces = `{"id":"c","model":"m","created":5,"choices":[
	{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":"I look.","reasoning_text":"hm","reasoning_opaque":"PROOF"}},
	{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}},
	{"index":2,"finish_reason":"stop","message":{"role":"assistant","content":null,"tool_calls":[{"id":"t2","type":"function","function":{"name":"g","arguments":"{}"}}]}}],
	"usage":{"prompt_tokens":7,"completion_tokens":9,"total_tokens":16}}`

// chunksInPieces is the same as a stream.
var chunksInPieces = []string{
	`{"id":"c","model":"m","created":5,"choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_text":"h"}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[{"index":0,"delta":{"reasoning_text":"m"}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[{"index":0,"delta":{"content":"","reasoning_opaque":"PROOF"}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[{"index":0,"delta":{"content":"I "}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[{"index":0,"delta":{"content":"look."}},{"index":1,"delta":{"tool_calls":[{"index":0,"id":"t1","type":"function","function":{"name":"f","arguments":""}}]}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[{"index":2,"delta":{"tool_calls":[{"index":0,"id":"t2","type":"function","function":{"name":"g","arguments":"{}"}}]}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[{"index":0,"finish_reason":"tool_calls","delta":{}},{"index":1,"finish_reason":"stop","delta":{}}]}`,
	`{"id":"c","model":"m","created":5,"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":9,"total_tokens":16}}`,
	`[DONE]`,
}

// collected reads a stream, cut into reads of any size.
func collected(t *testing.T, text string, cut func() int) *llm.Response {
	t.Helper()
	dec, c := Pieces{}.NewStreamDecoder(), &llm.Collector{}
	frames := wire.NewSSE(&cutReader{text, cut}, 0)
	for {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := dec.Frame(f, c.Add); err != nil {
			t.Fatal(err)
		}
	}
	if err := dec.End(c.Add); err != nil {
		t.Fatal(err)
	}
	res, fault := c.Response()
	if fault != nil {
		t.Fatal(fault)
	}
	res.Losses = dec.Losses()
	return res
}

type cutReader struct {
	rest string
	cut  func() int
}

func (r *cutReader) Read(p []byte) (int, error) {
	if r.rest == "" {
		return 0, io.EOF
	}
	n := copy(p, r.rest[:min(len(r.rest), max(1, r.cut()))])
	r.rest = r.rest[n:]
	return n, nil
}

func TestPiecesAreOneAnswer(t *testing.T) {
	whole, err := Pieces{}.DecodeResponse([]byte(inPieces))
	if err != nil {
		t.Fatal(err)
	}
	seal := sealOpaque([]byte("hm"), []byte("PROOF"))
	want := []llm.Part{
		&llm.Thinking{Text: "hm", Signature: seal}, &llm.Text{Text: "I look."},
		&llm.ToolCall{ID: "t1", Name: "f", Input: []byte(`{"a":1}`)}, &llm.ToolCall{ID: "t2", Name: "g", Input: []byte(`{}`)},
	}
	if !reflect.DeepEqual(whole.Parts, want) || whole.Stop != llm.StopTool || len(whole.Losses) > 0 || whole.Usage.Output != 9 {
		text, _ := json.Marshal(whole)
		t.Errorf("%s", text)
	}
	stream := "data: " + strings.Join(chunksInPieces, "\n\ndata: ") + "\n\n"
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		got := collected(t, stream, func() int { return r.IntN(90) })
		if !reflect.DeepEqual(got.Parts, want) || got.Stop != llm.StopTool || len(got.Losses) > 0 || got.Usage.Output != 9 {
			text, _ := json.Marshal(got)
			t.Fatalf("%s", text)
		}
	}
	// Others' answers are read as before: one choice, and no reasoning under that name.
	plain, err := Dialect{}.DecodeResponse([]byte(inPieces))
	if err != nil || len(plain.Losses) == 0 || len(plain.Parts) != 1 {
		t.Errorf("%+v %v", plain, err)
	}
}

func TestPiecesStops(t *testing.T) {
	for _, c := range []struct {
		reasons []string
		want    llm.Stop
	}{{[]string{"stop", "length"}, llm.StopLength}, {[]string{"length", "stop"}, llm.StopLength}, {[]string{"content_filter", "stop"}, llm.StopFilter}, {[]string{"stop"}, llm.StopEnd}} {
		whole, stream := `{"id":"c","choices":[`, ""
		for i, why := range c.reasons {
			if i > 0 {
				whole += ","
			}
			whole += `{"index":` + string(rune('0'+i)) + `,"finish_reason":"` + why + `","message":{"content":"x"}}`
			stream += `data: {"id":"c","choices":[{"index":` + string(rune('0'+i)) + `,"finish_reason":"` + why + `","delta":{"content":"x"}}]}` + "\n\n"
		}
		res, err := Pieces{}.DecodeResponse([]byte(whole + "]}"))
		if err != nil || res.Stop != c.want {
			t.Errorf("%v whole: %v %v", c.reasons, res, err)
		}
		if got := collected(t, stream+"data: [DONE]\n\n", func() int { return 30 }); got.Stop != c.want {
			t.Errorf("%v streamed: %s", c.reasons, got.Stop)
		}
	}
}

// TestPiecesBack: reasoning goes back to who has proven it, and to nobody else.
func TestPiecesBack(t *testing.T) {
	past := func(sig string) *llm.Request {
		return &llm.Request{Turns: []llm.Turn{
			{Role: llm.User, Parts: []llm.Part{&llm.Text{Text: "a"}}},
			{Role: llm.Assistant, Parts: []llm.Part{&llm.Thinking{Text: "hm", Signature: sig}, &llm.Text{Text: "b"}}},
			{Role: llm.Assistant, Parts: []llm.Part{&llm.Text{Text: "c"}}},
			{Role: llm.User, Parts: []llm.Part{&llm.Text{Text: "d"}}},
		}}
	}
	seal := sealOpaque([]byte("hm"), []byte("PROOF"))
	for _, c := range []struct {
		name   string
		back   llm.Back
		sig    string
		want   string
		losses int
	}{
		{"its own", Pieces{}, seal, `"reasoning_text":"hm","reasoning_opaque":"PROOF"`, 0},
		{"Claude's", Pieces{}, "RAW", "", 1},
		{"no proof", Pieces{}, "", "", 1},
		{"elsewhere", Dialect{}, seal, "", 1},
	} {
		body, losses, err := c.back.EncodeRequest(past(c.sig), &llm.Target{Model: "m", Compat: true})
		if err != nil || len(losses) != c.losses || strings.Contains(string(body), "reasoning_") != (c.want != "") || !strings.Contains(string(body), c.want) {
			t.Errorf("%s: %s %v %v", c.name, body, losses, err)
		}
	}
}

func FuzzPieces(f *testing.F) {
	f.Add(inPieces, strings.Join(chunksInPieces, "\n"))
	f.Add(`{"choices":[{"index":9999999}]}`, `{"choices":[{"index":-1,"delta":{"reasoning_opaque":"x"}}]}`)
	f.Fuzz(func(t *testing.T, whole, stream string) {
		if res, err := (Pieces{}).DecodeResponse([]byte(whole)); err == nil && res == nil {
			t.Error("neither an answer nor an error")
		}
		dec, open, over := Pieces{}.NewStreamDecoder(), -1, false
		yield := func(e *llm.Event) error {
			if over {
				t.Error("an event behind the last")
			}
			switch e.Kind {
			case llm.EventPartStart:
				if open >= 0 {
					t.Error("two parts are open")
				}
				open = e.Index
			case llm.EventDelta, llm.EventPartEnd:
				if e.Index != open {
					t.Errorf("an event of part %d in part %d", e.Index, open)
				}
				if e.Kind == llm.EventPartEnd {
					open = -1
				}
			case llm.EventFinish, llm.EventFault:
				over = true
			case llm.EventStart:
			}
			return nil
		}
		for line := range strings.Lines(stream) {
			if err := dec.Frame(wire.Frame{Data: []byte(strings.TrimSpace(line))}, yield); err != nil {
				t.Fatal(err)
			}
		}
		if err := dec.End(yield); err != nil {
			t.Fatal(err)
		}
	})
}

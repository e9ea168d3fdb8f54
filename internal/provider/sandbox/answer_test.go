package sandbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"turnpike/internal/provider"
)

const weatherSchema = `{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"},"note":{"type":"string"}},"required":["city","days"]}`

var weather = []askTool{{"get_weather", weatherSchema}, {"other", `{"type":"object"}`}}

// noWait is a pace that takes no time.
func noWait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// scenario is a request and what every dialect must answer, whole and streamed.
// IDs and the signature are compared apart.
type scenario struct {
	name string
	ask  ask
	want heard
}

func scenarios() []scenario {
	long := strings.Repeat("é", 300)
	called := func(model, first, result string, more ...turn) ask {
		turns := append([]turn{{user: first}, {call: "get_weather"}, {result: new(result)}}, more...)
		return ask{model: model, turns: turns, tools: weather}
	}
	return []scenario{
		{"plain", ask{model: "sandbox", turns: said1("Hello"), system: "be nice"}, heard{
			Text: `Sandbox answer from sandbox: you said "Hello"`, Stop: "stop", Input: 3, Output: 12, Chunks: 7,
		}},
		{"any model name", ask{model: "gpt-n5-thinking", turns: said1("Hi")}, heard{
			Text: `Sandbox answer from gpt-n5-thinking: you said "Hi"`, Stop: "stop", Input: 1, Output: 13, Chunks: 7,
		}},
		{"the last user text is repeated, shortened", ask{model: "m", turns: []turn{{user: "one"}, {assistant: "two"}, {user: long}}}, heard{
			Text: `Sandbox answer from m: you said "` + strings.Repeat("é", 200) + `…"`,
			Stop: "stop", Input: 152, Output: 110, Chunks: 7,
		}},
		{"text", ask{model: "sandbox", turns: said1(`[[sandbox text="hello there"]]`)}, heard{
			Text: "hello there", Stop: "stop", Input: 8, Output: 3, Chunks: 2,
		}},
		{"no text", ask{model: "sandbox", turns: said1(`[[sandbox text=""]]`)}, heard{Stop: "stop", Input: 5, Output: 1}},
		{"a directive inside a text is not repeated", ask{model: "m", turns: said1(`Hi [[sandbox delay=5]]`)}, heard{
			Text: `Sandbox answer from m: you said "Hi"`, Stop: "stop", Input: 6, Output: 9, Chunks: 7,
		}},
		{"text cut into chunks", ask{model: "m", turns: said1(`[[sandbox text="a b c d" n=2]]`)}, heard{
			Text: "a b c d", Stop: "stop", Input: 8, Output: 2, Chunks: 2,
		}},
		{"text repeated", ask{model: "m", turns: said1(`[[sandbox text="a b" n=5]]`)}, heard{
			Text: "a b a b a", Stop: "stop", Input: 7, Output: 3, Chunks: 5,
		}},
		{"chunks by the model's name", ask{model: "sandbox-n3-d1", turns: said1(`[[sandbox text="a"]]`)}, heard{
			Text: "a a a", Stop: "stop", Input: 5, Output: 2, Chunks: 3,
		}},
		{"thinking", ask{model: "m", turns: said1(`[[sandbox think="let me see" text="yes"]]`)}, heard{
			Text: "yes", Think: "let me see", Signature: "sig", Stop: "stop", Input: 11, Output: 4, Chunks: 4,
		}},
		{"thinking model", ask{model: "sandbox-thinking", turns: said1(`[[sandbox text="yes"]]`)}, heard{
			Text: "yes", Think: thought, Signature: "sig", Stop: "stop", Input: 6, Output: 13, Chunks: 11,
		}},
		{"tool", ask{model: "m", turns: said1(`[[sandbox tool=get_weather args={"city":"Paris]]"}]]`)}, heard{
			Calls: []heardCall{{Name: "get_weather", Args: `{"city":"Paris]]"}`}}, Stop: "tool_calls", Input: 13, Output: 5, Chunks: 1,
		}},
		{"tool from its schema", ask{model: "m", turns: said1(`[[sandbox tool=get_weather]]`), tools: weather}, heard{
			Calls: []heardCall{{Name: "get_weather", Args: `{"city":"text","days":1}`}}, Stop: "tool_calls", Input: 12, Output: 6, Chunks: 1,
		}},
		{"tool that is not on offer", ask{model: "m", turns: said1(`[[sandbox tool=nope]]`), tools: weather}, heard{
			Calls: []heardCall{{Name: "nope", Args: `{}`}}, Stop: "tool_calls", Input: 10, Output: 1, Chunks: 1,
		}},
		{"first tool, twice, beside a text and thinking", ask{
			model: "m", turns: said1(`[[sandbox tools parallel=2 text="I call" think="hm"]]`), tools: weather,
		}, heard{
			Text: "I call", Think: "hm", Signature: "sig",
			Calls: []heardCall{{Name: "get_weather", Args: `{"city":"text","days":1}`}, {Name: "get_weather", Args: `{"city":"text","days":1}`}},
			Stop:  "tool_calls", Input: 18, Output: 14, Chunks: 5,
		}},
		{"no tool on offer", ask{model: "m", turns: said1(`[[sandbox tools]]`)}, heard{
			Text: "Sandbox answer from m", Stop: "stop", Input: 5, Output: 6, Chunks: 4,
		}},
		{"tools model calls", ask{model: "sandbox-tools", turns: said1("Hi"), tools: weather}, heard{
			Calls: []heardCall{{Name: "get_weather", Args: `{"city":"text","days":1}`}}, Stop: "tool_calls", Input: 5, Output: 6, Chunks: 1,
		}},
		{"tools model calls once", called("sandbox-tools", "Hi", "sunny"), heard{
			Text: "The tool answered: sunny", Stop: "stop", Input: 7, Output: 6, Chunks: 4,
		}},
		{"tools model calls once, for good", called("sandbox-tools", "Hi", "sunny", turn{assistant: "ok"}, turn{user: "Yo"}), heard{
			Text: `Sandbox answer from sandbox-tools: you said "Yo"`, Stop: "stop", Input: 8, Output: 12, Chunks: 7,
		}},
		{"a directive is done once, its manner stays", called("m", `[[sandbox tool=get_weather text="x" n=2 think="hm" stop=length]]`, long), heard{
			Text: "The tool answered: " + strings.Repeat("é", 200) + "…", Think: "hm", Signature: "sig",
			Stop: "stop", Input: 171, Output: 106, Chunks: 3,
		}},
		{"an answered error is over", called("m", `[[sandbox error=500 cut=1 fault=1]]`, "ok"), heard{
			Text: "The tool answered: ok", Stop: "stop", Input: 14, Output: 6, Chunks: 4,
		}},
		{"a directive beside a tool's result", ask{model: "m", turns: []turn{
			{user: "Hi"}, {call: "get_weather"}, {result: new("sunny"), user: `[[sandbox text="done"]]`},
		}}, heard{Text: "done", Stop: "stop", Input: 8, Output: 1, Chunks: 1}},
		{"a directive with other texts around it", ask{model: "m", turns: []turn{{user: "before"}, {user: `[[sandbox text="x"]]`}, {user: "behind"}}}, heard{
			Text: "x", Stop: "stop", Input: 8, Output: 1, Chunks: 1,
		}},
		{"images", ask{model: "m", turns: []turn{{user: "Look", images: 2}}}, heard{
			Text: `Sandbox answer from m: you said "Look". I see 2 images`, Stop: "stop", Input: 1, Output: 14, Chunks: 11,
		}},
		{"only the images just shown", ask{model: "m", turns: []turn{{user: "Look", images: 2}, {assistant: "yes"}, {user: "And", images: 1}}}, heard{
			Text: `Sandbox answer from m: you said "And". I see 1 image`, Stop: "stop", Input: 3, Output: 13, Chunks: 11,
		}},
		{"length", ask{model: "m", turns: said1(`[[sandbox text="a b" stop=length]]`)}, heard{
			Text: "a b", Stop: "length", Input: 9, Output: 1, Chunks: 2,
		}},
		{"end", ask{model: "m", turns: said1(`[[sandbox tool=x stop=end]]`)}, heard{
			Calls: []heardCall{{Name: "x", Args: "{}"}}, Stop: "stop", Input: 7, Output: 1, Chunks: 1,
		}},
		{"refusal", ask{model: "m", turns: said1(`[[sandbox stop=refusal]]`)}, heard{
			Text: "The sandbox refuses to answer, as it was asked to.", Stop: "content_filter", Input: 6, Output: 13, Chunks: 10,
		}},
	}
}

func TestAnswers(t *testing.T) {
	a := NewPaced(provider.Options{}, noWait)
	for _, s := range scenarios() {
		for _, dialect := range dialects {
			t.Run(s.name+"/"+dialect, func(t *testing.T) {
				for _, stream := range []bool{false, true} {
					s.ask.stream = stream
					got, err := hear(t, a, call(dialect, s.ask.model, stream, s.ask.shape(t, dialect)))
					if err != nil {
						t.Fatal(err)
					}
					compare(t, dialect, stream, got, s.want)
				}
			})
		}
	}
}

func compare(t *testing.T, dialect string, stream bool, got, want heard) {
	t.Helper()
	want.Done = true
	if !stream {
		want.Chunks = 0
	}
	if dialect == dialectChat { // says it otherwise, or not at all
		want.Signature = ""
		if want.Stop == "content_filter" {
			want.Refusal, want.Text = want.Text, ""
		}
	}
	if (got.Signature == "") != (want.Signature == "") {
		t.Errorf("stream %v: signature %q, want one: %v", stream, got.Signature, want.Signature != "")
	}
	got.Signature, want.Signature = "", ""
	got.IDs = nil
	got.Calls = append([]heardCall(nil), got.Calls...)
	seen := map[string]bool{}
	for i, c := range got.Calls {
		if c.ID == "" || len(c.ID) > 40 || seen[c.ID] {
			t.Errorf("stream %v: call id %q is empty, long or there twice", stream, c.ID)
		}
		seen[c.ID] = true
		got.Calls[i].ID = ""
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("stream %v:\n got %+v\nwant %+v", stream, got, want)
	}
}

func TestSameRequestSameAnswer(t *testing.T) {
	a := NewPaced(provider.Options{}, noWait)
	for _, dialect := range dialects {
		for _, stream := range []bool{false, true} {
			c := call(dialect, "sandbox", stream, ask{
				model: "sandbox", stream: stream, turns: said1(`[[sandbox tools think="hm" parallel=2 text="a b"]]`), tools: weather,
			}.shape(t, dialect))
			first, again := transcript(t, a, c), transcript(t, a, c)
			if first != again {
				t.Errorf("%s, stream %v: two answers to one request:\n%s\n%s", dialect, stream, first, again)
			}
			c.Body = body(strings.Replace(string(c.Body.Bytes()), "a b", "a c", 1))
			if other := transcript(t, a, c); other == first {
				t.Errorf("%s, stream %v: one answer to two requests", dialect, stream)
			}
		}
	}
}

// What the shapes of the scenarios leave out.
func TestOtherShapes(t *testing.T) {
	tests := []struct{ name, dialect, body, want string }{
		{
			"parts of a tool's result, a file and a null", dialectChat,
			`{"model":"m","messages":[{"role":"developer","content":[{"type":"text","text":"x"}]},{"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]},{"role":"function","name":"f","content":"three"},{"role":"user","content":[{"type":"file","file":{"file_data":"x"}},{"type":"input_audio","input_audio":{}}]},{"role":"user","content":null}]}`,
			"The tool answered: one\ntwo\nthree. I see 1 document",
		},
		{"custom tools are not called", dialectChat, `{"model":"m","messages":[{"role":"user","content":"[[sandbox tools]]"}],"tools":[{"type":"custom","custom":{"name":"c"}},{"type":"function","function":{"name":"f"}}]}`, "call f {}"},
		{
			"strings, a picture in a tool's result, blocks of Anthropic's own tools", dialectMessages,
			`{"model":"m","max_tokens":1,"system":"x","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"web_search_tool_result","tool_use_id":"a","content":{"type":"web_search_tool_result_error"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"one"},{"type":"image","source":{}},{"type":"document","source":{}}]},{"type":"tool_result","tool_use_id":"b","content":"two"},{"type":"tool_result","tool_use_id":"c"},{"type":"document","source":{}}]}]}`,
			"The tool answered: one\ntwo\n. I see 1 image. I see 2 documents",
		},
		{"a system turn between", dialectMessages, `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"Hi"},{"role":"system","content":"be brief"}]}`, `Sandbox answer from m: you said "Hi"`},
		{
			"JSON and a picture in a tool's result", dialectConverse,
			`{"messages":[{"role":"user","content":[{"toolResult":{"toolUseId":"a","content":[{"json":{"a": 1}},{"image":{"format":"png"}}],"status":"error"}},{"document":{"name":"d"}},{"video":{}}]}]}`,
			`The tool answered: {"a": 1}. I see 1 image. I see 1 document`,
		},
	}
	a := NewPaced(provider.Options{}, noWait)
	for _, test := range tests {
		t.Run(test.dialect+"/"+test.name, func(t *testing.T) {
			h, err := hear(t, a, call(test.dialect, "m", false, test.body))
			if err != nil {
				t.Fatal(err)
			}
			got := h.Text
			for _, c := range h.Calls {
				got += "call " + c.Name + " " + c.Args
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestIDsDependOnTheModelInThePath(t *testing.T) {
	a := NewPaced(provider.Options{}, noWait)
	text := ask{turns: said1("[[sandbox tool=x]]")}.shape(t, dialectConverse)
	one, err1 := hear(t, a, call(dialectConverse, "one", false, text))
	two, err2 := hear(t, a, call(dialectConverse, "two", false, text))
	if err1 != nil || err2 != nil || one.Calls[0].ID == two.Calls[0].ID {
		t.Errorf("%v, %v, %+v, %+v", err1, err2, one, two)
	}
}

// The API reference has content null beside tool calls and refusals.
func TestChatContentIsNullBesideCalls(t *testing.T) {
	a := NewPaced(provider.Options{}, noWait)
	for directive, want := range map[string]string{
		`tool=x`:          `"content":null,"refusal":null`,
		`tool=x text="a"`: `"content":"a","refusal":null`,
		`text=""`:         `"content":"","refusal":null`,
		`stop=refusal`:    `"content":null,"refusal":"The`,
	} {
		got := transcript(t, a, call(dialectChat, "m", false, ask{model: "m", turns: said1("[[sandbox " + directive + "]]")}.shape(t, dialectChat)))
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s is not in\n%s", directive, want, got)
		}
	}
}

// transcript is all that is sent: head and body.
func transcript(t *testing.T, a *Account, c *provider.Call) string {
	t.Helper()
	var b strings.Builder
	if err := send(t, a, c).Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLargestAnswerIsBounded(t *testing.T) {
	a := NewPaced(provider.Options{}, noWait)
	text := `[[sandbox n=100000 text="` + strings.Repeat("ü", maxText/2) + `"]]`
	got, err := hear(t, a, call(dialectChat, "m", false, ask{model: "m", turns: said1(text)}.shape(t, dialectChat)))
	if err != nil || len(got.Text) != maxChunks*(maxRepeated+1)-1 {
		t.Errorf("%d bytes, %v", len(got.Text), err)
	}
	c := call(dialectChat, "m", true, ask{model: "m", stream: true, turns: said1(text)}.shape(t, dialectChat))
	if n := chunksOf(t, a, c, "ü"); n != maxChunks {
		t.Errorf("%d chunks", n)
	}
}

// chunksOf counts the frames of a stream that hold a text.
func chunksOf(t *testing.T, a *Account, c *provider.Call, text string) int {
	t.Helper()
	res := send(t, a, c)
	defer res.Body.Close()
	n := 0
	for frames := a.Frames(c, res.Body); ; {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(f.Data, []byte(text)) {
			n++
		}
	}
}

package openai

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func TestWanted(t *testing.T) {
	for _, c := range []struct {
		t    llm.Thought
		want string
	}{
		{llm.Thought{}, ""},
		{llm.Thought{Mode: llm.ThinkingOff, Effort: "high"}, "none"},
		{llm.Thought{Mode: llm.ThinkingBudget, Budget: 30000, Effort: "low"}, "low"},
		{llm.Thought{Mode: llm.ThinkingBudget, Budget: 4095}, "low"},
		{llm.Thought{Mode: llm.ThinkingBudget, Budget: 4096}, "medium"},
		{llm.Thought{Mode: llm.ThinkingBudget, Budget: 16384}, "high"},
	} {
		if got := Wanted(c.t); got != c.want {
			t.Errorf("%+v: got %q", c.t, got)
		}
	}
}

func TestNearestEffort(t *testing.T) {
	for _, c := range []struct {
		effort, taken, want string
		ok                  bool
	}{
		{"high", "", "high", true},
		{"none", "", "none", false},
		{"none", "none low", "none", true},
		{"medium", "low high", "high", true},
		{"max", "low high", "high", true},
		{"none", "low high", "low", true},
		{"odd", "low high", "odd", true},
	} {
		if got, ok := NearestEffort(c.effort, strings.Fields(c.taken)); got != c.want || ok != c.ok {
			t.Errorf("%+v: got %q %v", c, got, ok)
		}
	}
}

func TestWriteFunction(t *testing.T) {
	for _, c := range []struct{ name, schema, want string }{
		{"no schema", ``, `{"type":"object","properties":{}}`},
		{"an empty one", ` { } `, `{"type":"object","properties":{}}`},
		{"one that says what it is", `{"properties":{},"type":"object"}`, `{"properties":{},"type":"object"}`},
		{"one that does not", `{"properties":{}}`, `{"type":"object","properties":{}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &wire.Writer{}
			w.Object()
			WriteFunction(w, &llm.Tool{Name: "f", Schema: []byte(c.schema)})
			w.EndObject()
			if got, want := string(w.Bytes()), `{"name":"f","parameters":`+c.want+`}`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func FuzzObjectSchema(f *testing.F) {
	for _, s := range []string{``, `{}`, ` {"a":1}`, `{"type":["object","null"]}`, `{"a":{"type":"x"}}`, `[]`, `{"a"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, schema []byte) {
		before := slices.Clone(schema)
		got := objectSchema(schema)
		if !slices.Equal(before, schema) {
			t.Fatal("the schema itself was changed")
		}
		if !json.Valid(schema) || wire.NewReader(schema).Kind() != '{' {
			return
		}
		var m map[string]json.RawMessage
		if err := json.Unmarshal(got, &m); err != nil || m["type"] == nil {
			t.Errorf("%s became %s: %v", schema, got, err)
		}
	})
}

func TestSchema(t *testing.T) {
	if r := wire.NewReader([]byte(`{"a":1}`)); string(Schema(r)) != `{"a":1}` || r.End() != nil {
		t.Error("a schema")
	}
	if r := wire.NewReader([]byte(`"a"`)); Schema(r) != nil || r.Err() == nil {
		t.Error("a text is no schema")
	}
}

func TestWriteFormat(t *testing.T) {
	for want, f := range map[string]*llm.Format{
		`{"name":"answer","schema":{}}`:                                    {Schema: []byte(`{}`)},
		`{"name":"n","description":"d","schema":{"a":1},"strict":false}`:   {Name: "n", Description: "d", Schema: []byte(`{"a":1}`), Strict: new(false)},
		`{"name":"` + strings.Repeat("n", 64) + `","schema":{"a":"long"}}`: {Name: strings.Repeat("n", 64), Schema: []byte(`{"a":"long"}`)},
	} {
		w := &wire.Writer{}
		w.Object()
		WriteFormat(w, f)
		w.EndObject()
		if got := string(w.Bytes()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestToolReference(t *testing.T) {
	for _, c := range []struct{ kind, raw, want string }{
		{"tool_reference", `{"type":"tool_reference","tool_name":"f"}`, "f"},
		{"tool_reference", `{"tool_name":7}`, ""},
		{"tool_reference", `[]`, ""},
		{"other", `{"tool_name":"f"}`, ""},
	} {
		if got := ToolReference(&llm.Native{Type: c.kind, Raw: []byte(c.raw)}); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

func TestWriteIdentity(t *testing.T) {
	long := strings.Repeat("u", userLimit+1)
	for _, c := range []struct {
		name   string
		req    llm.Request
		compat bool
		want   string
		lost   string
	}{
		{"nothing", llm.Request{}, false, `{}`, ""},
		{"a user and a tier", llm.Request{User: "u", Tier: "flex"}, false, `{"user":"u","service_tier":"flex"}`, ""},
		{"Anthropic's word", llm.Request{Tier: "standard_only"}, false, `{"service_tier":"default"}`, ""},
		{"no such tier", llm.Request{Tier: "gold"}, false, `{}`, "service_tier"},
		{"a long name", llm.Request{User: long}, false, `{"user":"f20e249d15fa4b9f44ba21d154f62e1e"}`, ""},
		{"a long name for another server", llm.Request{User: long}, true, `{"user":"` + long + `"}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &wire.Writer{}
			w.Object()
			lost := ""
			WriteIdentity(w, &c.req, &llm.Target{Compat: c.compat}, func(path, _ string) { lost += path })
			w.EndObject()
			if got := string(w.Bytes()); got != c.want || lost != c.lost {
				t.Errorf("got %s, lost %q", got, lost)
			}
		})
	}
}

func TestWriteSampling(t *testing.T) {
	for want, c := range map[string][2]*float64{
		`{}`:                            {},
		`{"temperature":0}`:             {new(0.0), nil},
		`{"temperature":1,"top_p":0.5}`: {new(1.0), new(0.5)},
	} {
		w := &wire.Writer{}
		w.Object()
		WriteSampling(w, c[0], c[1])
		w.EndObject()
		if got := string(w.Bytes()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestSize: the guess holds what is said, or a long body is copied while it grows.
func TestSize(t *testing.T) {
	text := strings.Repeat("x", 10000)
	parts := []llm.Part{
		&llm.Text{Text: text}, &llm.Media{Data: text}, &llm.Thinking{Text: text}, &llm.ToolCall{Input: []byte(text)},
		&llm.ToolResult{Parts: []llm.Part{&llm.Text{Text: text}}}, &llm.Native{Raw: []byte(text)},
	}
	for _, p := range parts {
		if n := Size(&llm.Request{Turns: []llm.Turn{{Parts: []llm.Part{p}}}}); n < len(text) || n > 2*len(text) {
			t.Errorf("%T: %d", p, n)
		}
	}
	req := &llm.Request{System: parts[:1], Tools: []llm.Tool{{Description: text, Schema: []byte(text)}}}
	if n := Size(req); n < 3*len(text) || n > 4*len(text) {
		t.Errorf("system and tools: %d", n)
	}
}

func TestTurns(t *testing.T) {
	turns := []llm.Turn{{Role: llm.Assistant}, {Role: llm.Assistant}, {Role: llm.User}}
	model := func(t llm.Turn) bool { return t.Role == llm.Assistant }
	if RunOf(turns, model) != 2 || RunOf(turns[2:], model) != 0 || RunOf(turns[:2], model) != 2 || RunOf(nil, model) != 0 {
		t.Error("the length of a run")
	}
	if !HasCall(llm.Turn{Parts: []llm.Part{&llm.Text{}, &llm.ToolCall{}}}) || HasCall(llm.Turn{Parts: []llm.Part{&llm.Text{}}}) {
		t.Error("whether a tool is called")
	}
}

func TestExtra(t *testing.T) {
	req := &llm.Request{Extra: []llm.Extra{{Dialect: "a", Name: "x", Raw: []byte("1")}, {Dialect: "b", Name: "x", Raw: []byte("2")}}}
	if string(Extra(req, "b", "x")) != "2" || Extra(req, "b", "y") != nil || Extra(req, "c", "x") != nil {
		t.Error("a setting of one dialect")
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		LeftOut(llm.Image, "why"):                          "[image left out: why]",
		ToolReady("f"):                                     "Tool f can be called now.",
		DocumentText(&llm.Media{Text: "a"}):                "a",
		DocumentText(&llm.Media{Text: "b", Name: "n.txt"}): "n.txt:\nb",
		NoResult: "[tool error] There is no result: the call was never answered.",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for text, want := range map[string]bool{"": true, "x-anthropic-billing-header: cc_version=1": true, "You are kind.": false} {
		if Unsaid(&llm.Text{Text: text}) != want {
			t.Errorf("CACHE-10 %q: want %v", text, want)
		}
	}
}

package jsontool

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

const object = `{"type":"object","properties":{"a":{"type":"string"}}}`

func request(change func(*llm.Request)) *llm.Request {
	r := &llm.Request{
		System: []llm.Part{&llm.Text{Text: "be brief"}},
		Turns:  []llm.Turn{{Role: llm.User, Parts: []llm.Part{&llm.Text{Text: "q"}}}},
		Format: &llm.Format{Schema: []byte(object)},
	}
	if change != nil {
		change(r)
	}
	return r
}

func TestApply(t *testing.T) {
	look := llm.Tool{Name: "look"}
	for _, c := range []struct {
		name   string
		change func(*llm.Request)
		caps   llm.Caps
		tools  string // names
		choice llm.Choice
		says   string // the last words of the system prompt
	}{
		{"a forced call", nil, llm.Caps{}, "json_answer", llm.Choice{Mode: llm.ChoiceTool, Name: "json_answer"}, "be brief"},
		{"thinking", func(r *llm.Request) { r.Thinking.Mode = llm.ThinkingAdaptive }, llm.Caps{}, "json_answer", llm.Choice{Mode: llm.ChoiceAuto}, "as text."},
		{"thinking the model cannot do", func(r *llm.Request) { r.Thinking.Mode = llm.ThinkingAdaptive }, llm.Caps{Thinking: llm.ThinkNone}, "json_answer", llm.Choice{Mode: llm.ChoiceTool, Name: "json_answer"}, "be brief"},
		{"no choice of tools", nil, llm.Caps{NoToolChoice: true}, "json_answer", llm.Choice{Mode: llm.ChoiceAuto}, "as text."},
		{"beside other tools", func(r *llm.Request) { r.Tools = []llm.Tool{look} }, llm.Caps{}, "look json_answer", llm.Choice{Mode: llm.ChoiceAny}, "be brief"},
		{"other tools forbidden", func(r *llm.Request) { r.Tools, r.Choice.Mode = []llm.Tool{look}, llm.ChoiceNone }, llm.Caps{}, "look json_answer", llm.Choice{Mode: llm.ChoiceTool, Name: "json_answer"}, "be brief"},
		{"another tool forced", func(r *llm.Request) {
			r.Tools, r.Choice = []llm.Tool{look}, llm.Choice{Mode: llm.ChoiceTool, Name: "look"}
		}, llm.Caps{}, "look", llm.Choice{Mode: llm.ChoiceTool, Name: "look"}, "be brief"},
		{"the name is taken", func(r *llm.Request) { r.Tools = []llm.Tool{{Name: "json_answer"}} }, llm.Caps{}, "json_answer json_answer_", llm.Choice{Mode: llm.ChoiceAny}, "be brief"},
		{"no schema", func(r *llm.Request) { r.Format.Schema = nil }, llm.Caps{}, "", llm.Choice{}, "code fence."},
		{"no tools", nil, llm.Caps{NoTools: true}, "", llm.Choice{}, object},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := request(c.change)
			before := fmt.Sprintf("%+v", *req)
			got, _, loss := Apply(req, &c.caps)
			var names []string
			for _, tool := range got.Tools {
				names = append(names, tool.Name)
			}
			last, _ := got.System[len(got.System)-1].(*llm.Text)
			if strings.Join(names, " ") != c.tools || got.Choice != c.choice || !strings.HasSuffix(last.Text, c.says) || got.Format != nil {
				t.Errorf("%v %+v %q", names, got.Choice, last.Text)
			}
			if loss.Path != "response_format" || loss.Reason == "" || loss.Count != 1 {
				t.Errorf("%+v", loss)
			}
			if after := fmt.Sprintf("%+v", *req); after != before {
				t.Errorf("the client's request was changed:\n%s\n%s", before, after)
			}
		})
	}
}

func TestObjectSchema(t *testing.T) {
	for _, c := range []struct {
		schema, want string
		wrapped      bool
	}{
		{object, object, false},
		{`{"type":"array","items":{"type":"string"}}`, `{"type":"object","properties":{"answer":{"type":"array","items":{"type":"string"}}},"required":["answer"]}`, true},
		{`{"anyOf":[{"$ref":"#/$defs/x"}],"$defs":{"x":{"type":"object"}}}`, `{"type":"object","properties":{"answer":{"anyOf":[{"$ref":"#/$defs/x"}]}},"required":["answer"],"$defs":{"x":{"type":"object"}}}`, true},
		{`{"type":["object","null"]}`, `{"type":"object","properties":{"answer":{"type":["object","null"]}},"required":["answer"]}`, true},
	} {
		got, wrapped := objectSchema([]byte(c.schema))
		if wrapped != c.wrapped || !sameJSON(t, string(got), c.want) {
			t.Errorf("%s became %s", c.schema, got)
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		t.Fatalf("no JSON: %s %s", a, b)
	}
	return reflect.DeepEqual(x, y)
}

func answer(input string) *llm.ToolCall {
	return &llm.ToolCall{ID: "1", Name: toolName, Input: []byte(input)}
}

func TestAnswers(t *testing.T) {
	text := func(s string) *llm.Text { return &llm.Text{Text: s} }
	look := &llm.ToolCall{ID: "2", Name: "look", Input: []byte(`{}`)}
	think := &llm.Thinking{Text: "hm", Signature: "s"}
	for _, c := range []struct {
		name    string
		wrapped bool
		parts   []llm.Part
		stop    llm.Stop
		want    []llm.Part
		end     llm.Stop
	}{
		{"the answer", false, []llm.Part{answer(`{"a":1}`)}, llm.StopTool, []llm.Part{text(`{"a":1}`)}, llm.StopEnd},
		{"with thinking", false, []llm.Part{think, answer(`{"a":1}`)}, llm.StopTool, []llm.Part{think, text(`{"a":1}`)}, llm.StopEnd},
		{"with words on both sides", false, []llm.Part{text("so:"), answer(`{"a":1}`), text("there")}, llm.StopTool, []llm.Part{text(`{"a":1}`)}, llm.StopEnd},
		{"given twice", false, []llm.Part{answer(`{"a":1}`), answer(`{"a":2}`)}, llm.StopTool, []llm.Part{text(`{"a":1}`)}, llm.StopEnd},
		{"beside a call", false, []llm.Part{answer(`{"a":1}`), look}, llm.StopTool, []llm.Part{text(`{"a":1}`), look}, llm.StopTool},
		{"a call only", false, []llm.Part{text("let me look"), look}, llm.StopTool, []llm.Part{text("let me look"), look}, llm.StopTool},
		{"words only", false, []llm.Part{text("I cannot")}, llm.StopEnd, []llm.Part{text("I cannot")}, llm.StopEnd},
		{"cut off", false, []llm.Part{&llm.ToolCall{ID: "1", Name: toolName, Broken: `{"a":`}}, llm.StopLength, []llm.Part{text(`{"a":`)}, llm.StopLength},
		{"nothing in it", false, []llm.Part{&llm.ToolCall{ID: "1", Name: toolName}}, llm.StopTool, []llm.Part{text(`{}`)}, llm.StopEnd},
		{"unwrapped", true, []llm.Part{answer(`{"answer":[1, 2]}`)}, llm.StopTool, []llm.Part{text(`[1, 2]`)}, llm.StopEnd},
		{"wrapped and cut off", true, []llm.Part{&llm.ToolCall{ID: "1", Name: toolName, Broken: `{"answer":[1`}}, llm.StopLength, []llm.Part{text(`{"answer":[1`)}, llm.StopLength},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &Plan{tool: toolName, wrapped: c.wrapped}
			g := llmtest.NewGrammar()
			if err := (&llm.Response{Parts: c.parts, Stop: c.stop}).Replay(cut(p.Stream(g.Yield))); err != nil {
				t.Fatal(err)
			}
			streamed, fault := g.Collector.Response()
			if fault != nil {
				t.Fatal(fault)
			}
			whole := &llm.Response{Parts: c.parts, Stop: c.stop}
			p.Response(whole)
			for form, res := range map[string]*llm.Response{"whole": whole, "streamed": streamed} {
				if !reflect.DeepEqual(res.Parts, c.want) || res.Stop != c.end {
					t.Errorf("%s: %s %s", form, dump(res.Parts), res.Stop)
				}
			}
		})
	}
}

func dump(parts []llm.Part) string {
	out, _ := json.Marshal(parts)
	return string(out)
}

// cut breaks deltas at random places.
func cut(yield llm.Yield) llm.Yield {
	return func(e *llm.Event) error {
		if e.Kind != llm.EventDelta || e.Delta == llm.DeltaSignature {
			return yield(e)
		}
		for text := e.Text; len(text) > 0; {
			n := 1 + rand.IntN(len(text))
			c := *e
			c.Text = text[:n]
			if err := yield(&c); err != nil {
				return err
			}
			text = text[n:]
		}
		return nil
	}
}

// TestLongText: a text that is no preface is not held back for ever.
func TestLongText(t *testing.T) {
	long := strings.Repeat("x", maxHeld)
	p := &Plan{tool: toolName}
	g := llmtest.NewGrammar()
	said := 0
	yield := p.Stream(func(e *llm.Event) error {
		said += len(e.Text)
		return g.Yield(e)
	})
	for _, e := range []*llm.Event{
		{Kind: llm.EventStart},
		{Kind: llm.EventPartStart, Part: &llm.Text{}},
		{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte(long)},
		{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte("y")},
	} {
		if err := yield(e); err != nil {
			t.Fatal(err)
		}
	}
	if said != maxHeld+1 {
		t.Errorf("%d bytes were passed on", said)
	}
	for _, e := range []*llm.Event{{Kind: llm.EventPartEnd}, {Kind: llm.EventFinish, Stop: llm.StopEnd}} {
		if err := yield(e); err != nil {
			t.Fatal(err)
		}
	}
}

// Package jsontool asks for structured output by a tool, of models that have none
// of their own: the answer is the tool's input, and the call is made text again
// before the client sees it.
package jsontool

import (
	"slices"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Plan is how the answer of one request is told from the client's own tool calls.
type Plan struct {
	tool    string // empty where the format is asked for in words only
	wrapped bool   // the schema is of no object: the answer stands in a member of one
}

// Names that go to the model.
const (
	toolName = "json_answer"
	member   = "answer"
)

// Apply makes of a request with a format one without. The request stays as it is.
func Apply(req *llm.Request, caps *llm.Caps) (*llm.Request, *Plan, llm.Loss) {
	c, p := *req, &Plan{}
	c.Format = nil
	f := req.Format
	forced := req.Choice.Mode == llm.ChoiceAny || req.Choice.Mode == llm.ChoiceTool
	switch {
	case forced && len(req.Tools) > 0:
		return &c, p, loss("left out: the answer has to be a tool call")
	case len(f.Schema) == 0:
		c.System = saying(req.System, "Answer with one JSON object and nothing else: no other text, no code fence.")
		return &c, p, loss("changed: there is no JSON mode here, it is asked for in words")
	case caps.NoTools:
		c.System = saying(req.System, "Answer with JSON and nothing else: no other text, no code fence. It must be valid against this JSON Schema: "+string(f.Schema))
		return &c, p, loss("changed: the model has no structured output, it is asked for in words")
	}
	p.tool = freeName(req.Tools)
	t := llm.Tool{Name: p.tool, Description: describe(f)}
	t.Schema, p.wrapped = objectSchema(f.Schema)
	c.Tools = append(slices.Clone(req.Tools), t)
	c.Choice = p.choice(req)
	if thinks := req.Thinking.Wanted() && caps.Thinking != llm.ThinkNone; thinks || caps.NoToolChoice {
		// Thinking excludes a forced call (Anthropic extended thinking guide).
		c.Choice = llm.Choice{Mode: llm.ChoiceAuto}
		c.System = saying(req.System, "Give your final answer by calling the tool "+p.tool+" exactly once. Do not write it as text.")
	}
	return &c, p, loss("changed: the model has no structured output, it is asked for by a tool")
}

func loss(reason string) llm.Loss {
	return llm.Loss{Path: "response_format", Reason: reason, Count: 1}
}

// choice makes the model answer by the tool, or by one of the client's.
func (p *Plan) choice(req *llm.Request) llm.Choice {
	if len(req.Tools) > 0 && req.Choice.Mode != llm.ChoiceNone {
		return llm.Choice{Mode: llm.ChoiceAny}
	}
	return llm.Choice{Mode: llm.ChoiceTool, Name: p.tool}
}

func saying(system []llm.Part, words string) []llm.Part {
	return append(slices.Clone(system), &llm.Text{Text: words})
}

func describe(f *llm.Format) string {
	s := "Gives the final answer to the user. Call it once, with the whole answer."
	if f.Description != "" {
		s += " " + f.Description
	}
	return s
}

// freeName is a name that none of the client's tools has.
func freeName(tools []llm.Tool) string {
	name := toolName
	for slices.ContainsFunc(tools, func(t llm.Tool) bool { return t.Name == name }) {
		name += "_"
	}
	return name
}

// objectSchema is a schema for the input of a tool, which must be an object. What
// is of another type, or may be, becomes a member of one; its definitions stay
// where references look for them.
func objectSchema(raw []byte) (schema []byte, wrapped bool) {
	o, err := wire.ParseObject(raw)
	if err != nil || string(o.Get("type")) == `"object"` {
		return raw, false
	}
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("type", "object")
	w.Key("properties")
	w.Object()
	w.RawField(member, o.Apply(wire.Edit{Name: "$defs"}, wire.Edit{Name: "definitions"}, wire.Edit{Name: "$schema"}))
	w.EndObject()
	w.RawField("required", []byte(`["`+member+`"]`))
	for _, defs := range []string{"$defs", "definitions"} {
		if v := o.Get(defs); v != nil {
			w.RawField(defs, v)
		}
	}
	w.EndObject()
	return w.Bytes(), true
}

// text is what the client gets of the tool's input.
func (p *Plan) text(input string) string {
	if strings.TrimSpace(input) == "" {
		input = "{}"
	}
	if !p.wrapped {
		return input
	}
	o, err := wire.ParseObject([]byte(input))
	if err != nil {
		return input // cut off in the middle: all there is
	}
	if v := o.Get(member); v != nil {
		return string(v)
	}
	return input
}

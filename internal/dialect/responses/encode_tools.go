package responses

import (
	"bytes"
	"fmt"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// reasoning writes the wish to reason, and that a summary of it is wanted.
func (e *encoder) reasoning() {
	t, caps := e.req.Thinking, &e.t.Caps
	effort := e.effort()
	summary := t.Display != "omitted" && caps.Thinking != llm.ThinkNone && effort != "none" && t.Mode != llm.ThinkingOff &&
		(effort != "" || t.Wanted() || t.Display == "summarized")
	w := e.w
	begun := false
	member := func(name string) {
		if !begun {
			w.Key("reasoning")
			w.Object()
			begun = true
		}
		w.Key(name)
	}
	if effort != "" {
		member("effort")
		w.Str(effort)
	}
	for _, x := range e.req.Extra {
		if name, ok := strings.CutPrefix(x.Name, reasoningPrefix); ok && x.Dialect == Name {
			member(name)
			w.Raw(x.Raw)
			summary = summary && name != "summary"
		}
	}
	if summary {
		member("summary")
		w.Str("auto")
	}
	if begun {
		w.EndObject()
	}
}

// effort is what the wish to reason comes to for the model; empty says nothing.
func (e *encoder) effort() string {
	t, caps := e.req.Thinking, &e.t.Caps
	if t.Mode == "" && t.Effort == "" {
		return ""
	}
	effort := t.Effort
	switch {
	case caps.Thinking == llm.ThinkEffort:
		effort = openai.Wanted(t)
	case caps.Thinking == llm.ThinkNone && !t.Wanted():
		return ""
	case caps.Thinking != llm.ThinkNone && t.Mode == llm.ThinkingEffort:
		// Said in OpenAI's own words: passed as it is.
	case !t.Wanted():
		e.lose("thinking", "it is not known how the model is told not to reason")
		return ""
	case caps.Thinking == llm.ThinkNone:
		e.lose("thinking", "the model does not reason")
		return ""
	default:
		// A model that is not known to take an effort may refuse one.
		e.change("thinking", "it is not known what efforts the model takes: it decides by itself")
		return ""
	}
	if effort == "" {
		return ""
	}
	fit, ok := openai.NearestEffort(effort, caps.Efforts)
	switch {
	case !ok:
		e.lose("thinking", "reasoning cannot be switched off")
		return ""
	case fit != effort:
		e.change("reasoning.effort", fmt.Sprintf("the model takes %s instead of %s", fit, openai.Cut(effort, 20)))
	}
	return fit
}

// tools writes tools and what is said about calling them, which without tools
// must not be said.
func (e *encoder) tools() {
	w, req := e.w, e.req
	if len(req.Tools) > 0 && e.t.Caps.NoTools {
		e.lose("tools", "the model takes none")
		return
	}
	none := true
	var group []byte // the entry written last, of which further tools are part
	for i := range req.Tools {
		t := &req.Tools[i]
		custom := chatCustom(t.Native)
		if t.Native != nil && t.Native.Dialect != Name && custom == nil {
			e.lose(fmt.Sprintf("tools[%d]", i), "responses has no tool of type "+openai.Cut(t.Native.Type, 40))
			continue
		}
		if none {
			w.Key("tools")
			w.List()
			none = false
		}
		switch h := t.Home; {
		case custom != nil:
			w.Raw(custom)
		case t.Native != nil:
			w.Raw(t.Native.Raw)
		case h != nil && h.Dialect == Name:
			if h.Group == "" || !bytes.Equal(h.Raw, group) {
				w.Raw(h.Raw)
			}
			group = h.Raw
		default:
			e.function(t)
		}
	}
	if none {
		if req.Choice.Mode == llm.ChoiceAny || req.Choice.Mode == llm.ChoiceTool {
			e.lose("tool_choice", "no tool is left to call")
		}
		return
	}
	w.EndList()
	e.choice()
	if req.Parallel != nil {
		w.BoolField("parallel_tool_calls", *req.Parallel)
	}
}

// chatCustom makes a tool of free text of the one chat has, which says the same
// one level deeper; nil for any other tool.
func chatCustom(n *llm.Native) []byte {
	if n == nil || n.Dialect != "chat" || n.Type != "custom" {
		return nil
	}
	w := &wire.Writer{}
	w.Object()
	w.StrField("type", "custom")
	r := wire.NewReader(n.Raw)
	for name := range r.Fields() {
		if string(name) != "custom" || r.Kind() != '{' {
			continue
		}
		for name := range r.Fields() {
			if string(name) != "format" || r.Kind() != '{' {
				w.RawField(string(name), r.Raw())
				continue
			}
			w.Key("format")
			w.Object()
			for name := range r.Fields() {
				if string(name) != "grammar" || r.Kind() != '{' {
					w.RawField(string(name), r.Raw())
					continue
				}
				for name := range r.Fields() {
					w.RawField(string(name), r.Raw())
				}
			}
			w.EndObject()
		}
	}
	w.EndObject()
	if r.End() != nil {
		return nil
	}
	return w.Bytes()
}

// function writes a tool. That a schema is not strict has to be said: OpenAI
// takes it for strict otherwise.
func (e *encoder) function(t *llm.Tool) {
	w := e.w
	w.Object()
	w.StrField("type", "function")
	openai.WriteFunction(w, t)
	w.BoolField("strict", t.Strict != nil && *t.Strict)
	for _, x := range t.Extra {
		if x.Dialect == Name {
			w.RawField(x.Name, x.Raw)
		} else {
			e.lose("tools."+x.Name, "no such setting in responses")
		}
	}
	w.EndObject()
	e.cache(t.Cache)
}

// choice writes tool_choice: a word, or the tool by name, never chat's nested form.
func (e *encoder) choice() {
	if own := openai.Extra(e.req, Name, "tool_choice"); own != nil {
		e.w.RawField("tool_choice", own)
		return
	}
	switch c := e.req.Choice; {
	case c.Mode == "":
	case e.t.Caps.NoToolChoice:
		if c.Mode != llm.ChoiceAuto {
			e.lose("tool_choice", "the model takes none")
		}
	default:
		e.w.Key("tool_choice")
		short := *e.req
		short.Choice.Name = e.outward(c.Name)
		writeChoice(e.w, &short)
	}
}

// outward is the name a tool is sent under; tools of this API keep their own.
func (e *encoder) outward(name string) string {
	if homeOf(e.req, name) != nil {
		return name
	}
	return llm.ShortName(name, nameLimit)
}

// writeChoice writes the value of tool_choice.
func writeChoice(w *wire.Writer, q *llm.Request) {
	switch q.Choice.Mode {
	case llm.ChoiceNone:
		w.Str("none")
	case llm.ChoiceAny:
		w.Str("required")
	case llm.ChoiceTool:
		kind, name := "function", q.Choice.Name
		if h := homeOf(q, name); h != nil {
			name = h.Name
			if h.Custom {
				kind = "custom"
			}
		} else if t := toolNamed(q, name); t != nil && t.Native != nil && t.Native.Type == "custom" {
			kind = "custom"
		}
		w.Object()
		w.StrField("type", kind)
		w.StrField("name", name)
		w.EndObject()
	case llm.ChoiceAuto, "":
		w.Str("auto")
	}
}

package chat

import (
	"fmt"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
)

// thinking writes the wish to reason as reasoning_effort.
func (e *encoder) thinking() {
	t, caps := e.req.Thinking, &e.t.Caps
	if t.Mode == "" && t.Effort == "" {
		return
	}
	effort := t.Effort
	switch {
	case caps.Thinking == llm.ThinkEffort:
		effort = openai.Wanted(t)
	case caps.Thinking != llm.ThinkNone && t.Mode == llm.ThinkingEffort:
		// Said in chat's own words: passed as it is.
	case caps.Thinking == llm.ThinkNone && !t.Wanted():
		return
	case !t.Wanted():
		e.lose("thinking", "it is not known how the model is told not to reason")
		return
	default:
		// A model that is not known to reason may refuse to be asked.
		e.lose("thinking", "the model is not known to take reasoning_effort")
		return
	}
	if effort == "" {
		return
	}
	fit, ok := openai.NearestEffort(effort, caps.Efforts)
	switch {
	case !ok:
		e.lose("thinking", "reasoning cannot be switched off")
		return
	case fit != effort:
		e.change("reasoning_effort", fmt.Sprintf("the model takes %s instead of %s", fit, openai.Cut(effort, 20)))
	}
	e.w.StrField("reasoning_effort", fit)
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
	for i := range req.Tools {
		t := &req.Tools[i]
		if t.Native != nil && t.Native.Dialect != Name {
			e.lose(fmt.Sprintf("tools[%d]", i), "chat has no tool of type "+openai.Cut(t.Native.Type, 40))
			continue
		}
		if none {
			w.Key("tools")
			w.List()
			none = false
		}
		if t.Native != nil {
			w.Raw(t.Native.Raw)
			continue
		}
		e.function(t)
	}
	if none {
		if req.Choice.Mode == llm.ChoiceAny || req.Choice.Mode == llm.ChoiceTool {
			e.lose("tool_choice", "no tool is left to call")
		}
		return
	}
	w.EndList()
	e.choice()
	if req.Parallel != nil && e.t.Caps.NoParallel {
		e.lose("parallel_tool_calls", "the model takes no such setting")
	} else if req.Parallel != nil {
		w.BoolField("parallel_tool_calls", *req.Parallel)
	}
}

func (e *encoder) function(t *llm.Tool) {
	w := e.w
	w.Object()
	w.StrField("type", "function")
	w.Key("function")
	w.Object()
	openai.WriteFunction(w, t)
	if t.Strict != nil {
		if !e.t.Compat {
			w.BoolField("strict", *t.Strict)
		} else if *t.Strict {
			e.lose("tools.strict", "not every compatible server takes it")
		}
	}
	for _, x := range t.Extra {
		if x.Dialect == Name {
			w.RawField(x.Name, x.Raw)
		} else {
			e.lose("tools."+x.Name, "no such setting in chat")
		}
	}
	w.EndObject()
	e.cache(t.Cache)
	e.cacheControl(w, t.Cache)
	w.EndObject()
}

func (e *encoder) choice() {
	w, c := e.w, e.req.Choice
	if own := openai.Extra(e.req, Name, "tool_choice"); own != nil {
		w.RawField("tool_choice", own)
		return
	}
	if c.Mode != "" && e.t.Caps.NoToolChoice {
		if c.Mode != llm.ChoiceAuto {
			e.lose("tool_choice", "the model takes none")
		}
		return
	}
	switch c.Mode {
	case llm.ChoiceAuto:
		w.StrField("tool_choice", "auto")
	case llm.ChoiceNone:
		w.StrField("tool_choice", "none")
	case llm.ChoiceAny:
		w.StrField("tool_choice", "required")
	case llm.ChoiceTool:
		kind := "function"
		for i := range e.req.Tools {
			if n := e.req.Tools[i].Native; n != nil && n.Type == "custom" && e.req.Tools[i].Name == c.Name {
				kind = "custom"
			}
		}
		w.Key("tool_choice")
		w.Object()
		w.StrField("type", kind)
		w.Key(kind)
		w.Object()
		w.StrField("name", llm.ShortName(c.Name, nameLimit))
		w.EndObject()
		w.EndObject()
	}
}

package messages

import (
	"fmt"
	"slices"
	"strings"

	"turnpike/internal/llm"
)

// bedrockTools are the kinds of Anthropic's own tools that Claude takes on
// Bedrock: those the client runs, and the search among tools. Anthropic's other
// servers are not there.
var bedrockTools = []string{"bash_", "text_editor_", "computer_", "memory_", "tool_search_tool_"}

// bedrockToolExtras are members of a function tool that Bedrock takes, with the
// beta flags that must go along.
var bedrockToolExtras = map[string][]string{
	"defer_loading":  {"tool-search-tool-", "advanced-tool-use-"},
	"input_examples": {"tool-examples-", "advanced-tool-use-"},
}

// pickTools copies the tools that the target takes.
func (e *encoder) pickTools() {
	seen := map[string]bool{}
	for i := range e.req.Tools {
		t, ok := e.tool(e.req.Tools[i], fmt.Sprintf("tools[%d]", i))
		if !ok {
			continue
		}
		if t.Name != "" && seen[t.Name] {
			e.lose(fmt.Sprintf("tools[%d]", i), "a second tool named "+clip(t.Name))
			continue
		}
		seen[t.Name] = true
		e.tools = append(e.tools, t)
	}
}

// tool copies one tool; path names it in losses.
func (e *encoder) tool(t llm.Tool, path string) (llm.Tool, bool) {
	if n := t.Native; n != nil {
		switch {
		case n.Dialect != name:
			e.lose(path, "a tool of "+n.Dialect+": "+clip(n.Type))
			return t, false
		case e.t.Bedrock && !slices.ContainsFunc(bedrockTools, func(p string) bool { return strings.HasPrefix(n.Type, p) }):
			e.lose(path, "Bedrock has no "+clip(n.Type))
			return t, false
		case e.t.Narrow != nil:
			e.lose(path, e.upstream()+" has no "+clip(n.Type))
			return t, false
		}
		c := *n
		t.Native = &c
		return t, !e.noTools(path)
	}
	t.Name = llm.ShortName(t.Name, llm.NameLimit128)
	var reason string
	t.Schema, reason = toolSchema(t.Schema, &e.schemas)
	if reason != "" {
		e.lose(path+".input_schema", "tool "+clip(t.Name)+": "+reason)
	}
	if t.Strict != nil && !e.t.Caps.Strict {
		if *t.Strict {
			e.lose(path+".strict", "the model has no strict tools")
		}
		t.Strict = nil
	}
	t.Extra = slices.DeleteFunc(slices.Clone(t.Extra), func(x llm.Extra) bool {
		if x.Dialect != name {
			e.lose(path+"."+clip(x.Name), "no such setting in messages")
			return true
		}
		betas, known := bedrockToolExtras[x.Name]
		if (e.t.Bedrock || e.t.Narrow != nil) && (!known || !e.hasBeta(betas...)) {
			e.lose(path+"."+clip(x.Name), e.upstream()+" has no such setting")
			return true
		}
		return false
	})
	return t, !e.noTools(path)
}

func (e *encoder) noTools(path string) bool {
	if e.t.Caps.NoTools {
		e.lose(path, "the model takes no tools")
	}
	return e.t.Caps.NoTools
}

// settleChoice fits the choice of tools to the tools that are left, and to
// thinking with a budget, which excludes a forced call.
func (e *encoder) settleChoice() {
	c := &e.choice
	forced := c.Mode == llm.ChoiceAny || c.Mode == llm.ChoiceTool
	if c.Mode == llm.ChoiceTool {
		c.Name = llm.ShortName(c.Name, llm.NameLimit128)
	}
	switch {
	case len(e.tools) == 0:
		if forced {
			e.lose("tool_choice", "no tool is left to choose")
		}
	case c.Mode == llm.ChoiceTool && !slices.ContainsFunc(e.tools, func(t llm.Tool) bool { return t.Name == c.Name }):
		e.lose("tool_choice", "the tool it names is not offered: the model is free")
		c.Mode = llm.ChoiceAuto
	case forced && e.think.mode == llm.ThinkingBudget: // adaptive thinking goes with it
		e.lose("tool_choice", "thinking excludes a forced call: the model is free")
		c.Mode = llm.ChoiceAuto
	case e.t.Caps.NoToolChoice && forced:
		e.lose("tool_choice", "the model takes none")
		c.Mode = ""
	}
}

func (e *encoder) writeTools() {
	if len(e.tools) == 0 {
		return
	}
	w := e.w
	w.Key("tools")
	w.List()
	for i := range e.tools {
		t := &e.tools[i]
		if t.Native != nil {
			w.Raw(nativeRaw(t.Native))
			continue
		}
		w.Object()
		w.StrField("name", t.Name)
		if t.Description != "" {
			w.StrField("description", t.Description)
		}
		w.RawField("input_schema", t.Schema)
		if t.Strict != nil {
			w.BoolField("strict", *t.Strict)
		}
		for _, x := range t.Extra {
			w.RawField(x.Name, x.Raw)
		}
		writeCache(w, t.Cache)
		w.EndObject()
	}
	w.EndList()
	e.writeChoice()
}

// writeChoice writes what the client said and no more. The API refuses the
// parallel flag beside none.
func (e *encoder) writeChoice() {
	mode := e.choice.Mode
	single := e.req.Parallel != nil && !*e.req.Parallel && mode != llm.ChoiceNone
	if mode == "" && single {
		mode = llm.ChoiceAuto
	}
	if mode == "" || e.t.Caps.NoToolChoice {
		return
	}
	w := e.w
	w.Key("tool_choice")
	w.Object()
	w.StrField("type", string(mode))
	if mode == llm.ChoiceTool {
		w.StrField("name", e.choice.Name)
	}
	if single {
		w.BoolField("disable_parallel_tool_use", true)
	}
	w.EndObject()
}

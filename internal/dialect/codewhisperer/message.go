package codewhisperer

import (
	"strings"

	"turnpike/internal/dialect/turns"
	"turnpike/internal/llm"
)

// maxPoints is how many cache points Claude takes in a request (Anthropic prompt
// caching guide).
const maxPoints = 4

// message writes a turn as one of the two kinds of message. The tools stand in the
// current one.
func (e *encoder) message(t *llm.Turn, current bool) {
	e.w.Object()
	if t.Role == llm.Assistant {
		e.w.Key("assistantResponseMessage")
		e.answer(t)
	} else {
		e.w.Key("userInputMessage")
		e.question(t, current)
	}
	e.w.EndObject()
}

// sorted are the parts of a message by where they stand.
type sorted struct {
	text    string
	images  []*llm.Media
	results []*llm.ToolResult
	calls   []*llm.ToolCall
	thought *llm.Thinking
	cache   *llm.Cache
	last    bool // the cache point stands on the last part
}

// sort takes a message apart. The service keeps its kinds of content in different
// members, so an order among them is not kept; where it means something it is named.
func (e *encoder) sort(t *llm.Turn) (s sorted) {
	var b strings.Builder
	behind := "" // what text comes behind
	for i, p := range t.Parts {
		switch p := p.(type) {
		case *llm.Text:
			if behind != "" {
				e.change("messages: "+behind, "Kiro keeps it beside the text: what came behind it stands before")
				behind = ""
			}
			if b.Len() > 0 && !p.Follows {
				b.WriteString("\n\n")
			}
			b.WriteString(p.Text)
		case *llm.Media:
			s.images = append(s.images, p)
			if b.Len() > 0 {
				behind = string(p.Kind)
			}
		case *llm.ToolResult:
			s.results = append(s.results, p)
			s.images = append(s.images, e.pictures(p)...)
		case *llm.ToolCall:
			s.calls = append(s.calls, p)
			behind = "tool call"
		case *llm.Thinking:
			s.thought = e.oneThought(s.thought, p, b.Len() > 0 || len(s.calls) > 0)
		}
		if c := turns.CacheOf(p); c != nil {
			s.cache, s.last = c, i == len(t.Parts)-1
		}
	}
	s.text = b.String()
	return s
}

// oneThought is the one reasoning a message has: the first.
func (e *encoder) oneThought(have, next *llm.Thinking, late bool) *llm.Thinking {
	if have != nil {
		e.lose("messages: thinking", "a message holds one piece of reasoning: the first is kept")
		return have
	}
	if late {
		e.change("messages: thinking", "Kiro keeps it before the text and the calls")
	}
	return next
}

// question writes what the user says.
func (e *encoder) question(t *llm.Turn, current bool) {
	s := e.sort(t)
	e.w.Object()
	if blank(s.text) && len(s.results) == 0 {
		s.text = "(see the image)" // a text of its own must stand beside pictures
		e.added("messages: image", "Kiro wants a text beside it: a short one was put there")
	}
	e.w.StrField("content", s.text)
	e.w.StrField("modelId", e.target.Model)
	e.w.StrField("origin", e.origin)
	e.pictureList(s.images)
	e.point(&s)
	tools := current && len(e.tools) > 0
	if tools || len(s.results) > 0 {
		e.w.Key("userInputMessageContext")
		e.w.Object()
		if tools {
			e.toolSpecs()
		}
		e.resultList(s.results)
		e.w.EndObject()
	}
	e.w.EndObject()
}

// answer writes what the model said.
func (e *encoder) answer(t *llm.Turn) {
	s := e.sort(t)
	e.w.Object()
	if s.text == "" {
		s.text = " " // beside calls alone
	}
	e.w.StrField("content", s.text)
	if s.thought != nil {
		e.reasoning(s.thought)
	}
	if len(s.calls) > 0 {
		e.w.Key("toolUses")
		e.w.List()
		for _, c := range s.calls {
			e.toolUse(c)
		}
		e.w.EndList()
	}
	e.point(&s)
	e.w.EndObject()
}

// point writes the cache point of a message, which holds all of it.
func (e *encoder) point(s *sorted) {
	if s.cache == nil || !e.mayPoint(s.cache, "messages") {
		return
	}
	if !s.last {
		e.change("messages: cache_control", "Kiro's cache points stand at the end of a message")
	}
	e.w.RawField("cachePoint", []byte(cachePoint))
}

const cachePoint = `{"type":"default"}`

// mayPoint counts a cache point and names what of it cannot be said.
func (e *encoder) mayPoint(c *llm.Cache, where string) bool {
	switch {
	case e.caps.NoCache:
		e.lose(where+": cache_control", "the model takes no cache points")
		return false
	case e.points >= maxPoints:
		e.lose(where+": cache_control", "a request takes at most 4 cache points")
		return false
	case c.TTL == "1h":
		e.change(where+": cache_control", "Kiro's cache points have no lifetime")
	}
	e.points++
	return true
}

// reasoning writes text and signature as they are.
func (e *encoder) reasoning(t *llm.Thinking) {
	e.w.Key("reasoningContent")
	e.w.Object()
	if t.Redacted != "" {
		e.w.StrField("redactedContent", t.Redacted)
	} else {
		e.w.Key("reasoningText")
		e.w.Object()
		e.w.StrField("text", t.Text)
		e.w.StrField("signature", t.Signature)
		e.w.EndObject()
	}
	e.w.EndObject()
}

// Members of an input that stand for a call whose arguments are no JSON object.
const (
	freeText     = "input"
	rawArguments = "_raw_arguments"
)

func (e *encoder) toolUse(c *llm.ToolCall) {
	e.w.Object()
	e.w.StrField("toolUseId", c.ID)
	e.w.StrField("name", llm.ShortName(c.Name, llm.NameLimit63))
	e.w.Key("input")
	switch {
	case c.Broken == "":
		e.w.Raw(c.Arguments())
	case c.Custom:
		e.w.Object()
		e.w.StrField(freeText, c.Broken)
		e.w.EndObject()
	default:
		e.change("messages: tool call", "its arguments are no JSON object: sent as they are in _raw_arguments")
		e.w.Object()
		e.w.StrField(rawArguments, c.Broken)
		e.w.EndObject()
	}
	e.w.EndObject()
	if c.Seal != "" {
		e.lose("messages: tool call: signature", "another model's proof")
	}
}

// noOutput stands for an empty result.
const noOutput = "(no output)"

func (e *encoder) resultList(list []*llm.ToolResult) {
	if len(list) == 0 {
		return
	}
	e.w.Key("toolResults")
	e.w.List()
	for _, r := range list {
		e.w.Object()
		e.w.StrField("toolUseId", r.CallID)
		status := "success"
		if r.Error {
			status = "error"
		}
		e.w.StrField("status", status)
		e.w.Key("content")
		e.w.List()
		empty := true
		for _, p := range r.Parts {
			empty = !e.resultPart(p) && empty
		}
		if empty {
			e.w.Object()
			e.w.StrField("text", noOutput)
			e.w.EndObject()
		}
		e.w.EndList()
		e.w.EndObject()
	}
	e.w.EndList()
}

// resultPart writes a part of a tool result; pictures stand beside it.
func (e *encoder) resultPart(p llm.Part) bool {
	switch p := p.(type) {
	case *llm.Text:
		if blank(p.Text) {
			return false
		}
		if len(p.Citations) > 0 {
			e.lose(turns.InResult.Path("citations"), "Kiro takes none")
		}
		e.w.Object()
		e.w.StrField("text", p.Text)
		e.w.EndObject()
		return true
	case *llm.Media:
		if p.Kind == llm.Image {
			return false // it stands beside the result
		}
		if t, ok := e.media(p, turns.InResult).(*llm.Text); ok {
			return e.resultPart(t)
		}
	case *llm.Native:
		e.lose(turns.InResult.Path(p.Type), "Kiro has no such content")
	default:
		e.lose(turns.InResult.Path("part"), "a tool result cannot hold it")
	}
	return false
}

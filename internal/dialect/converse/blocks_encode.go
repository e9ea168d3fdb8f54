package converse

import (
	"fmt"

	"turnpike/internal/dialect/turns"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// messages writes the turns, which conversation has made valid.
func (e *encoder) messages(turns []llm.Turn) {
	e.w.Key("messages")
	e.w.List()
	for i := range turns {
		e.w.Object()
		e.w.StrField("role", string(turns[i].Role))
		e.w.Key("content")
		e.w.List()
		for _, p := range turns[i].Parts {
			e.block(p)
			e.midPoint(p)
		}
		e.w.EndList()
		e.w.EndObject()
	}
	e.w.EndList()
	e.cutPoints()
}

func (e *encoder) block(p llm.Part) {
	switch p := p.(type) {
	case *llm.Text:
		e.text(p)
	case *llm.Media:
		e.writeMedia(p)
	case *llm.Thinking:
		e.reasoning(p)
	case *llm.ToolCall:
		e.toolUse(p)
	case *llm.ToolResult:
		e.toolResult(p)
	case *llm.Native:
		e.w.Raw(p.Raw)
	}
}

func (e *encoder) text(t *llm.Text) {
	if t.Guard != nil {
		e.guarded(t)
		return
	}
	list, all := given(t.Citations)
	if !all {
		e.lose("messages: citations", "Converse takes back what it cited itself only")
	}
	if len(list) > 0 {
		writeCited(e.w, t.Text, list)
		return
	}
	writeText(e.w, t.Text)
}

// guarded writes a text that a guardrail is to look at.
func (e *encoder) guarded(t *llm.Text) {
	e.w.Object()
	e.w.Key("guardContent")
	e.w.Object()
	e.w.Key("text")
	e.w.Object()
	e.w.StrField("text", t.Text)
	if len(t.Guard) > len("[]") {
		e.w.RawField("qualifiers", t.Guard)
	}
	e.w.EndObject()
	e.w.EndObject()
	e.w.EndObject()
}

// reasoning writes text and signature as they are; an empty text is "", for null
// is refused.
func (e *encoder) reasoning(t *llm.Thinking) {
	e.w.Object()
	e.w.Key("reasoningContent")
	e.w.Object()
	if t.Redacted != "" {
		e.w.StrField("redactedContent", redactedBlob(t.Redacted))
	} else {
		e.w.Key("reasoningText")
		e.w.Object()
		e.w.StrField("text", t.Text)
		e.w.StrField("signature", t.Signature)
		e.w.EndObject()
	}
	e.w.EndObject()
	e.w.EndObject()
}

// Members of an input that stand for a call whose arguments are no JSON object:
// free text by design, and what the model got wrong.
const (
	freeText     = "input"
	rawArguments = "_raw_arguments"
	// cutArguments stands last in a streamed input that the token limit cut: an
	// SDK that cannot read the input must not make an empty object of it.
	cutArguments = "_arguments_cut"
)

func (e *encoder) toolUse(c *llm.ToolCall) {
	e.w.Object()
	e.w.Key("toolUse")
	e.w.Object()
	e.w.StrField("toolUseId", c.ID)
	e.w.StrField("name", llm.ShortName(c.Name, llm.NameLimit64))
	switch {
	case c.Broken != "" && c.Custom:
		e.w.Key("input")
		e.w.Object()
		e.w.StrField(freeText, c.Broken)
		e.w.EndObject()
	case c.Broken != "":
		e.change("messages: tool call", "its arguments are no JSON object: sent as they are in _raw_arguments")
		e.w.Key("input")
		e.w.Object()
		e.w.StrField(rawArguments, c.Broken)
		e.w.EndObject()
	default:
		e.w.RawField("input", c.Arguments())
	}
	e.w.EndObject()
	e.w.EndObject()
}

// noOutput stands for an empty result: a list without content is refused by
// some models, a blank text by all.
const noOutput = "(no output)"

func (e *encoder) toolResult(r *llm.ToolResult) {
	e.w.Object()
	e.w.Key("toolResult")
	e.w.Object()
	e.w.StrField("toolUseId", r.CallID)
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
	if r.Error {
		e.w.StrField("status", "error")
	}
	e.w.EndObject()
	e.w.EndObject()
}

// resultPart writes one part of a tool result and tells whether it did.
func (e *encoder) resultPart(p llm.Part) bool {
	switch q := p.(type) {
	case *llm.Text:
		if blank(q.Text) {
			return false
		}
		e.w.Object()
		e.w.StrField("text", q.Text)
		e.w.EndObject()
		return true
	case *llm.Media:
		p = e.media(q, turns.InResult)
	case *llm.Native:
		p = e.native(q, turns.InResult)
	default:
		e.lose(turns.InResult.Path("part"), fmt.Sprintf("it cannot hold a %T", p))
		return false
	}
	if p == nil {
		return false
	}
	e.block(p)
	return true
}

// maxPoints is how many cache points one request may have.
const maxPoints = 4

// sparePoints counts the cache points that are too many. The earlier ones of the
// tools and of the system prompt go first, for the last one there covers them; then
// the earliest among the messages (cutPoints), where the last ones hold the whole
// prefix.
func (e *encoder) sparePoints(system []*llm.Text, tools []llm.Tool, list []llm.Turn) {
	if e.caps.NoCache {
		return
	}
	inSystem, inTools, all := 0, 0, 0
	for _, t := range system {
		if t.Cache != nil {
			inSystem++
		}
	}
	for i := range tools {
		if tools[i].Cache != nil && e.claudeLike() {
			inTools++
		}
	}
	for i := range list {
		for _, p := range list[i].Parts {
			if turns.CacheOf(p) != nil {
				all++
			}
		}
	}
	over := all + inSystem + inTools - maxPoints
	e.spare = map[string]int{}
	for _, list := range []struct {
		where string
		n     int
	}{{"tools", inTools}, {"system", inSystem}} {
		n := max(0, min(over, list.n-1))
		e.spare[list.where] = n
		over -= n
	}
}

// headPoint writes a cache point of the system prompt or the tools.
func (e *encoder) headPoint(c *llm.Cache, where string) {
	switch {
	case c == nil:
	case e.caps.NoCache:
		e.lose(where+": cache_control", "the model takes no cache points")
	case where == "tools" && !e.claudeLike():
		e.lose(where+": cache_control", "the model takes no cache points among the tools")
	case e.spare[where] > 0:
		e.spare[where]--
		e.lose(where+": cache_control", "a request takes at most 4 cache points: the last ones are kept")
	default:
		e.points++
		e.writePoint(c, where)
	}
}

// midPoint writes the cache point behind a part of a message. Only Claude takes
// one behind tool calls and results; other models call it an extraneous key.
func (e *encoder) midPoint(p llm.Part) {
	c := turns.CacheOf(p)
	if c == nil {
		return
	}
	_, call := p.(*llm.ToolCall)
	_, result := p.(*llm.ToolResult)
	switch {
	case e.caps.NoCache:
		e.lose("messages: cache_control", "the model takes no cache points")
	case (call || result) && !e.claudeLike():
		e.lose("messages: cache_control", "the model takes no cache point behind tool calls and results")
	default:
		from := e.w.Len()
		e.writePoint(c, "messages")
		e.cuts = append(e.cuts, span{from, e.w.Len()})
	}
}

// writePoint keeps the hour where the model has it (AWS: CachePointBlock.ttl).
func (e *encoder) writePoint(c *llm.Cache, where string) {
	hour := c.TTL == "1h"
	if hour && !e.caps.Cache1h && e.caps.Family != "" {
		e.lose(where+": cache_control", "the model caches for five minutes, not an hour")
		hour = false
	}
	e.w.Object()
	e.w.Key("cachePoint")
	e.w.Object()
	e.w.StrField("type", "default")
	if hour {
		e.w.StrField("ttl", "1h")
	}
	e.w.EndObject()
	e.w.EndObject()
}

// cutPoints takes out the earliest cache points among the messages when there
// are too many: the last ones hold the whole prefix.
func (e *encoder) cutPoints() {
	over := e.points + len(e.cuts) - maxPoints
	if over <= 0 {
		return
	}
	b := e.w.Bytes()
	kept := b[:e.cuts[0].from]
	for i := range over {
		e.lose("messages: cache_control", "a request takes at most 4 cache points: the last ones are kept")
		end := len(b)
		if i+1 < over {
			end = e.cuts[i+1].from
		}
		kept = append(kept, b[e.cuts[i].to:end]...)
	}
	e.w = wire.NewWriter(kept)
}

// markLast puts a cache point behind the last part that can have one. The part
// is copied: the request is shared.
func markLast(parts []llm.Part, c *llm.Cache) bool {
	for i := len(parts) - 1; i >= 0; i-- {
		if turns.CacheOf(parts[i]) != nil {
			return true
		}
		switch p := parts[i].(type) {
		case *llm.Text:
			t := *p
			t.Cache, parts[i] = c, &t
		case *llm.Media:
			m := *p
			m.Cache, parts[i] = c, &m
		case *llm.ToolCall:
			t := *p
			t.Cache, parts[i] = c, &t
		case *llm.ToolResult:
			r := *p
			r.Cache, parts[i] = c, &r
		default:
			continue
		}
		return true
	}
	return false
}

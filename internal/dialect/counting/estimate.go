package counting

import (
	"bytes"

	"turnpike/internal/llm"
)

// Estimate estimates the prompt of a request for the model it names: system,
// turns, tools with their schemas, calls and results, pictures and documents.
func Estimate(req *llm.Request) int64 { return EstimateFor(req, req.Model) }

// EstimateFor estimates for another model: the one at the upstream, where the
// client's name for it tells nothing.
func EstimateFor(req *llm.Request, model string) int64 {
	e := estimate{profile: profileOf(model)}
	e.tokens = e.base
	e.parts(req.System)
	for _, t := range req.Turns {
		e.tokens += e.turn
		e.words.add(t.Name)
		e.parts(t.Parts)
	}
	strict := e.offered(req.Tools)
	if req.Format != nil {
		e.words.add(req.Format.Name)
		e.words.add(req.Format.Description)
		e.wanted.add(string(req.Format.Schema))
	}
	if req.Format != nil || strict {
		e.tokens += e.format
	}
	if req.Thinking.Wanted() {
		e.tokens += e.thinking
	}
	if e.cites {
		e.tokens += e.citing
	}
	return e.total()
}

// Text estimates a bare text for a model.
func Text(text, model string) int64 {
	e := estimate{profile: profileOf(model)}
	e.words.add(text)
	return e.total()
}

// estimate is what has been seen of a request.
type estimate struct {
	*profile
	words   shape // of texts, names and arguments
	schemas shape // of tools
	wanted  shape // of the answer's schema
	tokens  int64 // of all else
	cites   bool
}

func (e *estimate) total() int64 {
	hundredths := e.text.of(&e.words) + e.text.of(&e.schemas)*e.schema/100 + e.text.of(&e.wanted)*e.answer/100
	return e.tokens + (hundredths+99)/100
}

func (e *estimate) parts(parts []llm.Part) {
	for _, p := range parts {
		switch p := p.(type) {
		case *llm.Text:
			e.words.add(p.Text)
		case *llm.Media:
			e.cites = e.cites || p.Cite
			e.tokens += e.media(p)
		case *llm.Thinking:
			e.thought(p)
		case *llm.ToolCall:
			e.tokens += e.call
			e.words.add(p.Name)
			e.words.add(string(p.Input))
			e.words.add(p.Broken)
		case *llm.ToolResult:
			e.tokens += e.call
			e.parts(p.Parts)
		case *llm.Refusal:
			e.words.add(p.Text)
		case *llm.Native:
			e.cites = e.cites || bytes.Contains(p.Raw, []byte(`"citations"`))
			e.words.add(string(p.Raw))
		}
	}
}

// sealedBytes is how many characters of sealed reasoning stand for a token.
const sealedBytes = 5

// thought counts reasoning by its text, or by the size of what hides it.
func (e *estimate) thought(p *llm.Thinking) {
	e.words.add(p.Text)
	e.tokens += int64(len(p.Redacted)) / sealedBytes
	if p.Text == "" {
		e.tokens += int64(len(p.Signature)) / sealedBytes
	}
}

// offered counts the tools and tells whether any is held to its schema.
func (e *estimate) offered(tools []llm.Tool) (strict bool) {
	if len(tools) > 0 {
		e.tokens += e.tools
	}
	for i := range tools {
		t := &tools[i]
		e.tokens += e.tool
		if t.Native != nil {
			e.tokens += e.hosted
			e.schemas.add(string(t.Native.Raw))
			continue
		}
		strict = strict || t.Strict != nil && *t.Strict
		e.words.add(t.Name)
		e.words.add(t.Description)
		e.schemas.add(string(t.Schema))
	}
	return strict
}

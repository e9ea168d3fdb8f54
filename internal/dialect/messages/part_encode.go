package messages

import (
	"encoding/base64"
	"slices"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func blank(s string) bool { return strings.TrimSpace(s) == "" }

func trimRight(s string) string { return strings.TrimRight(s, " \t\r\n") }

// rawArguments is the member that carries a tool's input that is no JSON object.
const rawArguments = "_raw_arguments"

// cutArguments is the member that stands last in a streamed input which the
// token limit cut: SDKs make an empty object of JSON that does not end, and a tool
// must not run with that.
const cutArguments = "_arguments_cut"

// prepare copies parts, leaving out what the target cannot take.
// at is the turn, -1 for the system prompt.
func (e *encoder) prepare(parts []llm.Part, at int) []llm.Part {
	out := make([]llm.Part, 0, len(parts))
	for _, p := range parts {
		if t, ok := p.(*llm.Text); ok && blank(t.Text) {
			// The API refuses empty text; a cache point on it moves to what stands before.
			if t.Cache != nil && !moveCache(out, t.Cache) {
				e.loseIn(at, "cache_control", "a cache point cannot stand on empty text")
			}
			continue
		}
		if q := e.part(p, at); q != nil {
			out = append(out, q)
		}
	}
	if at < 0 {
		return e.systemParts(out, at)
	}
	return out
}

// moveCache puts a cache point on the last part that can have one.
func moveCache(parts []llm.Part, c *llm.Cache) bool {
	for _, p := range slices.Backward(parts) {
		if slot := cacheSlot(p); slot != nil {
			if *slot == nil {
				*slot = c
			}
			return true
		}
	}
	return false
}

// cacheSlot is where a part keeps its cache point, nil for parts that take none.
func cacheSlot(p llm.Part) **llm.Cache {
	switch p := p.(type) {
	case *llm.Text:
		return &p.Cache
	case *llm.Media:
		return &p.Cache
	case *llm.ToolCall:
		return &p.Cache
	case *llm.ToolResult:
		return &p.Cache
	}
	return nil
}

// part copies one part in the form it is written in, or returns nil.
func (e *encoder) part(p llm.Part, at int) llm.Part {
	if at >= 0 && misplaced(p, e.req.Turns[at].Role) {
		e.loseIn(at, partName(p), "the API takes none in a message of this role: "+string(e.req.Turns[at].Role))
		return nil
	}
	switch p := p.(type) {
	case *llm.Text:
		c := *p
		var all bool
		if c.Citations, all = given(p.Citations); !all {
			e.loseIn(at, "citations", "Claude takes back what it cited itself only")
		}
		if c.Guard != nil {
			e.loseIn(at, "guardContent", "only Converse marks texts for a guardrail")
			c.Guard = nil
		}
		return &c
	case *llm.Refusal:
		if blank(p.Text) {
			return nil
		}
		return &llm.Text{Text: p.Text}
	case *llm.Media:
		return e.media(p, at)
	case *llm.Thinking:
		return e.thinking(p, at)
	case *llm.ToolCall:
		return e.call(p, at)
	case *llm.ToolResult:
		c := *p
		c.Parts = e.prepare(p.Parts, at)
		return &c
	case *llm.Native:
		if p.Dialect != name {
			e.loseIn(at, clip(p.Type), "only "+p.Dialect+" has such a part")
			return nil
		}
		c := *p
		return &c
	}
	return nil
}

// misplaced tells whether the API refuses a part in a message of this role.
func misplaced(p llm.Part, role llm.Role) bool {
	switch p.(type) {
	case *llm.ToolCall, *llm.Thinking, *llm.Refusal:
		return role != llm.Assistant
	case *llm.ToolResult, *llm.Media:
		return role != llm.User
	}
	return false
}

func (e *encoder) call(p *llm.ToolCall, at int) llm.Part {
	c := *p
	c.Name = llm.ShortName(p.Name, llm.NameLimit128)
	if p.Seal != "" {
		e.loseIn(at, "thought signature", "messages has no place for it")
	}
	if p.Broken != "" {
		e.changeIn(at, "arguments of "+clip(p.Name), "not a JSON object: sent as text in "+rawArguments)
		c.Input = brokenInput(p.Broken)
	}
	return &c
}

// brokenInput wraps arguments that are no JSON object: the API takes nothing
// else, and an empty object would be a lie.
func brokenInput(s string) []byte {
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField(rawArguments, s)
	w.EndObject()
	return w.Bytes()
}

// thinking keeps what Claude signed exactly as it is, also where its text is
// empty, and leaves out what Claude would refuse.
func (e *encoder) thinking(p *llm.Thinking, at int) llm.Part {
	c := *p
	proof := p.Signature
	if p.Redacted != "" {
		proof = p.Redacted
	}
	if proof == "" {
		e.loseIn(at, "thinking", "it is not signed: Claude takes back only what it signed itself")
		return nil
	}
	if !llm.IsSeal(proof) {
		return &c
	}
	issuer, inner, ok := llm.Unseal(proof)
	if !ok || issuer != llm.IssuerClaude || inner.Signature == "" && inner.Redacted == "" {
		e.loseIn(at, "thinking", "another model's reasoning: Claude takes back only what it signed itself")
		return nil
	}
	return inner
}

func (e *encoder) media(p *llm.Media, at int) llm.Part {
	c := *p
	switch {
	case (e.t.Bedrock || e.t.Vertex) && (p.URL != "" || p.FileID != ""): // Anthropic vision guide: base64 only there
		e.loseIn(at, string(p.Kind), "Claude on Bedrock and Vertex AI takes no URLs and uploaded files: send the content itself")
		return nil
	case p.Kind == llm.Image && !e.t.Caps.NoImages:
		c.MIME = imageType(p)
		if p.Detail != "" && p.Detail != "auto" {
			e.loseIn(at, "image detail", "messages has no such setting")
		}
		return &c
	case p.Kind == llm.Document && !e.t.Caps.NoDocuments:
		if e.document(&c) {
			return &c
		}
		e.loseIn(at, "document", "messages takes PDF and plain text, not "+clip(p.MIME))
		return nil
	}
	e.loseIn(at, string(p.Kind), "the model takes none")
	return nil
}

// document settles the form of a document: base64 is for PDF, text is sent as it is.
func (e *encoder) document(c *llm.Media) bool {
	if c.Data == "" {
		return true
	}
	switch {
	case c.MIME == "application/pdf":
		return true
	case c.MIME == "" && strings.HasPrefix(c.Data, "JVBERi"): // "%PDF-"
		c.MIME = "application/pdf"
		return true
	case strings.HasPrefix(c.MIME, "text/"):
		text, err := base64.StdEncoding.DecodeString(c.Data)
		if err != nil {
			return false
		}
		c.Data, c.Text = "", string(text)
		return true
	}
	return false
}

// imageType is the media type of an image, told by its first bytes where the
// client says none.
func imageType(p *llm.Media) string {
	switch {
	case p.MIME == "image/jpg":
		return "image/jpeg"
	case p.MIME != "":
		return p.MIME
	case strings.HasPrefix(p.Data, "/9j/"):
		return "image/jpeg"
	case strings.HasPrefix(p.Data, "R0lGOD"):
		return "image/gif"
	case strings.HasPrefix(p.Data, "UklGR"):
		return "image/webp"
	}
	return "image/png"
}

// partName is what a part is called in a loss.
func partName(p llm.Part) string {
	switch p := p.(type) {
	case *llm.Text:
		return "text"
	case *llm.Media:
		return string(p.Kind)
	case *llm.Thinking:
		return "thinking"
	case *llm.ToolCall:
		return "tool call"
	case *llm.ToolResult:
		return "tool result"
	case *llm.Refusal:
		return "refusal"
	case *llm.Native:
		return clip(p.Type)
	}
	return "part"
}

package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Limits of OpenAI's API.
const (
	nameLimit = llm.NameLimit64
	idLimit   = llm.IDLimit40
	userLimit = 64
	maxStops  = 4
)

// encoder writes one request for an upstream.
type encoder struct {
	w      *wire.Writer
	req    *llm.Request
	t      *llm.Target
	losses []llm.Loss
	// keepCache is set for Claude behind a compatible server: those take Anthropic's
	// marks. Other servers cache by themselves, and some refuse what they do not know.
	keepCache bool
	// preface is the system prompt of a model that takes none: it goes before the
	// first user message.
	preface string
}

// EncodeRequest makes the body for a target and tells what it could not carry.
func (Dialect) EncodeRequest(req *llm.Request, t *llm.Target) ([]byte, []llm.Loss, error) {
	e := &encoder{w: wire.NewWriter(make([]byte, 0, size(req))), req: req, t: t}
	e.keepCache = t.Compat && t.Caps.Family == "claude" && !t.Caps.NoCache
	w := e.w
	w.Object()
	w.StrField("model", t.Model)
	w.Key("messages")
	w.List()
	start := w.Len()
	e.system()
	e.turns()
	if w.Len() == start {
		return nil, nil, invalid("messages", "nothing is left to send: every message is empty")
	}
	w.EndList()
	if t.Stream {
		w.BoolField("stream", true)
		w.Key("stream_options")
		w.Object()
		w.BoolField("include_usage", true)
		w.EndObject()
	}
	e.limits()
	e.sampling()
	e.thinking()
	e.tools()
	e.format()
	e.identity()
	e.extras()
	w.EndObject()
	return w.Bytes(), e.losses, nil
}

// size guesses the length of the body, so that a long one is not copied over and
// over while it grows.
func size(req *llm.Request) int {
	n := 1 << 10
	for _, p := range req.System {
		n += partSize(p)
	}
	for _, t := range req.Turns {
		n += 64
		for _, p := range t.Parts {
			n += partSize(p)
		}
	}
	for i := range req.Tools {
		n += 128 + len(req.Tools[i].Description)*9/8 + len(req.Tools[i].Schema)
	}
	return n
}

func partSize(p llm.Part) int {
	n := 96
	switch p := p.(type) {
	case *llm.Text:
		n += len(p.Text) * 9 / 8 // line ends take two bytes
	case *llm.Media:
		n += len(p.Data) + len(p.Text)
	case *llm.Thinking:
		n += len(p.Text)
	case *llm.ToolCall:
		n += len(p.Input) * 5 / 4
	case *llm.ToolResult:
		for _, p := range p.Parts {
			n += partSize(p)
		}
	case *llm.Native:
		n += len(p.Raw)
	case *llm.Refusal:
	}
	return n
}

func (e *encoder) lose(path, reason string) { e.losses = llm.AddLoss(e.losses, path, reason) }

func (e *encoder) limits() {
	req, caps := e.req, &e.t.Caps
	if req.MaxTokens != nil {
		n := *req.MaxTokens
		if caps.MaxOutput > 0 && n > caps.MaxOutput {
			n = caps.MaxOutput
			e.lose("max_tokens", fmt.Sprintf("the model writes at most %d", n))
		}
		if e.t.Compat {
			e.w.IntField("max_tokens", n)
		} else {
			e.w.IntField("max_completion_tokens", n)
		}
	}
	stops := req.Stop
	if caps.NoStop && len(stops) > 0 {
		e.lose("stop", "the model takes no stop sequences")
		return
	}
	if len(stops) > maxStops && !e.t.Compat {
		e.lose("stop", "at most four stop sequences are taken")
		stops = stops[:maxStops]
	}
	if len(stops) > 0 {
		e.w.Key("stop")
		e.w.List()
		for _, s := range stops {
			e.w.Str(s)
		}
		e.w.EndList()
	}
}

func (e *encoder) sampling() {
	temperature, topP := e.req.Temperature, e.req.TopP
	switch e.t.Caps.Sampling {
	case llm.SamplingNone:
		if temperature != nil {
			e.lose("temperature", "the model takes none")
		}
		if topP != nil {
			e.lose("top_p", "the model takes none")
		}
		temperature, topP = nil, nil
	case llm.SamplingOne:
		if temperature != nil && topP != nil {
			e.lose("top_p", "the model takes temperature or top_p, not both")
			topP = nil
		}
	case llm.SamplingFree:
	}
	if temperature != nil {
		e.w.Key("temperature")
		e.w.Float(*temperature)
	}
	if topP != nil {
		e.w.Key("top_p")
		e.w.Float(*topP)
	}
	if e.req.TopK != nil {
		e.lose("top_k", "no such setting in chat")
	}
}

// format writes response_format.
func (e *encoder) format() {
	f := e.req.Format
	if f == nil {
		return
	}
	w := e.w
	w.Key("response_format")
	w.Object()
	if f.Schema == nil {
		w.StrField("type", "json_object")
		w.EndObject()
		return
	}
	w.StrField("type", "json_schema")
	w.Key("json_schema")
	w.Object()
	name := "answer"
	if f.Name != "" {
		name = llm.ShortName(f.Name, nameLimit)
	}
	w.StrField("name", name)
	if f.Description != "" {
		w.StrField("description", f.Description)
	}
	w.RawField("schema", f.Schema)
	if f.Strict != nil {
		w.BoolField("strict", *f.Strict)
	}
	w.EndObject()
	w.EndObject()
}

// identity writes who asks and how urgently.
func (e *encoder) identity() {
	if user := e.req.User; user != "" {
		if len(user) > userLimit && !e.t.Compat {
			sum := sha256.Sum256([]byte(user))
			user = hex.EncodeToString(sum[:16])
			e.lose("user", "longer than 64 characters: a hash is sent")
		}
		e.w.StrField("user", user)
	}
	switch tier := e.req.Tier; tier {
	case "":
	case "auto", "default", "flex", "priority", "scale":
		e.w.StrField("service_tier", tier)
	case "standard_only":
		e.w.StrField("service_tier", "default")
	default:
		e.lose("service_tier", "OpenAI has no tier of this name")
	}
	for range e.req.Betas {
		e.lose("anthropic-beta", "no such header in chat")
	}
}

// extras writes the members that only this dialect knows.
func (e *encoder) extras() {
	for _, x := range e.req.Extra {
		switch {
		case x.Dialect != Name:
			e.lose(x.Name, "no such setting in chat")
		case x.Name == "tool_choice": // allowed_tools: written with the tools
		default:
			e.w.RawField(x.Name, x.Raw)
		}
	}
}

// attribution begins the first system entry of Claude Code: a line for Anthropic's
// books (its gateway contract says so), which other models would read as prompt.
const attribution = "x-anthropic-billing-header:"

// system writes the system prompt as one message: not every server takes several.
func (e *encoder) system() {
	entries := make([]*llm.Text, 0, len(e.req.System))
	for _, p := range e.req.System {
		t, ok := p.(*llm.Text)
		switch {
		case !ok:
			e.lose("system", "chat takes text only")
		case strings.HasPrefix(t.Text, attribution), t.Text == "":
		default:
			entries = append(entries, t)
			e.cache(t.Cache)
		}
	}
	if len(entries) == 0 {
		return
	}
	w := e.w
	if e.keepCache && !e.t.Caps.NoSystem {
		w.Object()
		w.StrField("role", "system")
		w.Key("content")
		w.List()
		for _, t := range entries {
			e.textPart(t.Text, t.Cache)
		}
		w.EndList()
		w.EndObject()
		return
	}
	texts := make([]string, len(entries))
	for i, t := range entries {
		texts[i] = t.Text
	}
	all := strings.Join(texts, paragraph)
	if e.t.Caps.NoSystem {
		e.lose("system", "the model takes no system prompt: it stands before the first user message")
		e.preface = all
		return
	}
	e.message("system", all)
}

// message writes a message with a text.
func (e *encoder) message(role, content string) {
	e.w.Object()
	e.w.StrField("role", role)
	e.w.StrField("content", content)
	e.w.EndObject()
}

// marked writes a message's text with the cache mark at its end.
func (e *encoder) marked(text string, mark *llm.Cache) {
	e.w.Key("content")
	switch {
	case mark == nil || !e.keepCache:
		e.w.Str(text)
	case text == "":
		e.w.Str("")
		e.lose("cache_control", "there is no text to mark")
	default:
		e.w.List()
		e.textPart(text, mark)
		e.w.EndList()
	}
}

// cache notes a cache mark that cannot be sent on.
func (e *encoder) cache(c *llm.Cache) {
	if c != nil && !e.keepCache {
		e.lose("cache_control", "these servers cache by themselves")
	}
}

func (e *encoder) textPart(text string, c *llm.Cache) {
	e.w.Object()
	e.w.StrField("type", "text")
	e.w.StrField("text", text)
	e.cacheControl(e.w, c)
	e.w.EndObject()
}

func (e *encoder) cacheControl(w *wire.Writer, c *llm.Cache) {
	if c == nil || !e.keepCache {
		return
	}
	w.Key("cache_control")
	w.Object()
	w.StrField("type", "ephemeral")
	if c.TTL != "" {
		w.StrField("ttl", c.TTL)
	}
	w.EndObject()
}

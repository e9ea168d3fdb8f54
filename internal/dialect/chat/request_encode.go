package chat

import (
	"fmt"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Limits of OpenAI's API.
const (
	nameLimit = llm.NameLimit64
	idLimit   = llm.IDLimit40
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
	// pieces is set for servers that want their own form of reasoning back, whose proof
	// is opaque.
	pieces bool
	opaque string
}

// EncodeRequest makes the body for a target and tells what it could not carry.
func (Dialect) EncodeRequest(req *llm.Request, t *llm.Target) ([]byte, []llm.Loss, error) {
	return writeRequest(&encoder{req: req, t: t})
}

func writeRequest(e *encoder) ([]byte, []llm.Loss, error) {
	req, t := e.req, e.t
	e.w = wire.NewWriter(make([]byte, 0, openai.Size(req)))
	e.keepCache = t.Compat && t.Caps.Family == "claude" && !t.Caps.NoCache && !e.pieces
	w := e.w
	w.Object()
	w.StrField("model", t.Model)
	w.Key("messages")
	w.List()
	start := w.Len()
	llm.LoseMarks(req, e.lose)
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
	body := llm.Regrow(w.Bytes(), req.Odd, Name, "request", e.lose)
	return body, e.losses, nil
}

func (e *encoder) lose(path, reason string) { e.losses = llm.AddLoss(e.losses, path, reason) }

// change notes something that is sent in another form, or with another value.
func (e *encoder) change(path, reason string) {
	e.losses = llm.NoteLoss(e.losses, llm.LossChanged, path, reason)
}

// added notes something that the client did not say.
func (e *encoder) added(path, reason string) {
	e.losses = llm.NoteLoss(e.losses, llm.LossAdded, path, reason)
}

func (e *encoder) limits() {
	req, caps := e.req, &e.t.Caps
	if req.MaxTokens != nil {
		n := *req.MaxTokens
		if caps.MaxOutput > 0 && n > caps.MaxOutput {
			n = caps.MaxOutput
			e.change("max_tokens", fmt.Sprintf("the model writes at most %d", n))
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
		e.change("stop", "at most four stop sequences are taken")
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
	openai.WriteSampling(e.w, temperature, topP)
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
	openai.WriteFormat(w, f)
	w.EndObject()
	w.EndObject()
}

// identity writes who asks and how urgently.
func (e *encoder) identity() {
	openai.WriteIdentity(e.w, e.req, e.t, e.lose)
	for range e.req.Betas {
		e.lose("anthropic-beta", "no such header in chat")
	}
}

// extras writes the members that only this dialect knows.
func (e *encoder) extras() {
	for _, x := range e.req.Extra {
		switch {
		case x.Dialect != Name && x.Bookkeeping:
		case x.Dialect != Name:
			e.lose(x.Name, "no such setting in chat")
		case x.Name == "tool_choice": // allowed_tools: written with the tools
		default:
			e.w.RawField(x.Name, x.Raw)
		}
	}
}

// system writes the system prompt as one message: not every server takes several.
func (e *encoder) system() {
	entries := make([]*llm.Text, 0, len(e.req.System))
	for _, p := range e.req.System {
		t, ok := p.(*llm.Text)
		switch {
		case !ok:
			e.lose("system", "chat takes text only")
		case openai.Unsaid(t):
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
		e.change("system", "the model takes no system prompt: it stands before the first user message")
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

package responses

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Limits of OpenAI's API.
const (
	nameLimit = llm.NameLimit64
	idLimit   = llm.IDLimit64
	minOutput = 16
)

// encoder writes one request for an upstream.
type encoder struct {
	w      *wire.Writer
	req    *llm.Request
	t      *llm.Target
	losses []llm.Loss

	asItem   bool              // the system prompt is the first item of the input
	used     map[string]bool   // ids of calls
	pending  [][]byte          // reasoning that waits for what it led to
	recalled bool              // encrypted reasoning is sent back
	matched  map[llm.Part]bool // results that answer a call
}

// EncodeRequest makes the body for a target and tells what it could not carry.
func (Dialect) EncodeRequest(req *llm.Request, t *llm.Target) ([]byte, []llm.Loss, error) {
	e := &encoder{
		w: wire.NewWriter(make([]byte, 0, openai.Size(req))), req: req, t: t,
		used: map[string]bool{}, matched: map[llm.Part]bool{},
	}
	w := e.w
	w.Object()
	w.StrField("model", t.Model)
	llm.LoseMarks(req, e.lose)
	instructions := e.system()
	w.Key("input")
	w.List()
	start := w.Len()
	if e.asItem {
		e.systemItem()
	}
	e.items()
	if w.Len() == start {
		return nil, nil, invalid("input", "nothing is left to send: every message is empty")
	}
	w.EndList()
	if instructions != "" {
		w.StrField("instructions", instructions)
	}
	if t.Stream {
		w.BoolField("stream", true)
	}
	e.limits()
	e.sampling()
	e.reasoning()
	e.tools()
	e.text()
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

// cache notes a cache mark that cannot be sent on.
func (e *encoder) cache(c *llm.Cache) {
	if c != nil {
		e.lose("cache_control", "OpenAI caches by itself")
	}
}

// system returns the system prompt as instructions. One that carries cache marks,
// and one that nothing follows, becomes the first item instead: there it is part
// of the prefix that is cached, piece by piece as the client had it.
func (e *encoder) system() string {
	var texts []string
	for _, t := range e.systemTexts() {
		e.asItem = e.asItem || t.Cache != nil
		e.cache(t.Cache)
		texts = append(texts, t.Text)
	}
	said := false
	for _, t := range e.req.Turns {
		said = said || len(t.Parts) > 0
	}
	if e.asItem = len(texts) > 0 && (e.asItem || !said || e.t.Caps.NoSystem); e.asItem {
		return ""
	}
	return strings.Join(texts, paragraph)
}

// systemTexts are the entries of the system prompt that say something.
func (e *encoder) systemTexts() []*llm.Text {
	out := make([]*llm.Text, 0, len(e.req.System))
	for _, p := range e.req.System {
		t, ok := p.(*llm.Text)
		switch {
		case !ok:
			e.lose("system", "instructions are text only")
		case openai.Unsaid(t):
		default:
			out = append(out, t)
		}
	}
	return out
}

func (e *encoder) systemItem() {
	role := "developer"
	switch {
	case e.t.Caps.NoSystem:
		role = "user"
		e.change("system", "the model takes no system prompt: sent as the user's")
	case e.t.Compat:
		role = "system"
	}
	e.openMessage(role)
	for _, p := range e.req.System {
		if t, ok := p.(*llm.Text); ok && !openai.Unsaid(t) {
			textPiece(e.w, "input_text", t.Text)
		}
	}
	e.closeMessage()
}

func (e *encoder) limits() {
	req, caps := e.req, &e.t.Caps
	if req.MaxTokens != nil {
		n := *req.MaxTokens
		switch {
		case caps.MaxOutput > 0 && n > caps.MaxOutput:
			n = caps.MaxOutput
			e.change("max_tokens", fmt.Sprintf("the model writes at most %d", n))
		case n < minOutput:
			n = minOutput
			e.lose("max_tokens", "the least is 16")
		}
		e.w.IntField("max_output_tokens", n)
	}
	if len(req.Stop) > 0 {
		e.lose("stop", "no such setting in responses")
	}
	if req.TopK != nil {
		e.lose("top_k", "no such setting in responses")
	}
}

// sampling passes temperature and top_p. OpenAI's newer models take them only
// while they do not reason (OpenAI's guide to GPT-5.2): where that can be
// switched off and the client asks for no reasoning, it is the client's affair.
func (e *encoder) sampling() {
	temperature, topP := e.req.Temperature, e.req.TopP
	rule := e.t.Caps.Sampling
	if rule == llm.SamplingNone && !e.req.Thinking.Wanted() && slices.Contains(e.t.Caps.Efforts, "none") {
		rule = llm.SamplingFree
	}
	switch rule {
	case llm.SamplingNone:
		e.dropped("temperature", temperature)
		e.dropped("top_p", topP)
		return
	case llm.SamplingOne:
		if temperature != nil {
			e.dropped("top_p", topP)
			topP = nil
		}
	case llm.SamplingFree:
	}
	openai.WriteSampling(e.w, temperature, topP)
}

// dropped notes a setting that the model takes none of; 1 is the default.
func (e *encoder) dropped(name string, value *float64) {
	if value != nil && *value != 1 {
		e.lose(name, "the model takes none")
	}
}

// text writes the format of the answer, and what else stands beside it.
func (e *encoder) text() {
	verbosity := openai.Extra(e.req, "chat", "verbosity") // chat has it under the same name
	var own []llm.Extra
	for _, x := range e.req.Extra {
		if x.Dialect == Name && strings.HasPrefix(x.Name, textPrefix) {
			own = append(own, x)
		}
	}
	if e.req.Format == nil && verbosity == nil && own == nil {
		return
	}
	w := e.w
	w.Key("text")
	w.Object()
	if e.req.Format != nil {
		w.Key("format")
		writeFormat(w, e.req.Format)
	}
	if verbosity != nil {
		w.RawField("verbosity", verbosity)
	}
	for _, x := range own {
		w.RawField(strings.TrimPrefix(x.Name, textPrefix), x.Raw)
	}
	w.EndObject()
}

// identity writes who asks and how urgently.
func (e *encoder) identity() {
	openai.WriteIdentity(e.w, e.req, e.t, e.lose)
	for range e.req.Betas {
		e.lose("anthropic-beta", "no such header in responses")
	}
}

// extras writes the members that only this API has, those that chat has too, and
// that nothing is to be kept unless the client wants it so.
func (e *encoder) extras() {
	store := false
	for _, x := range e.req.Extra {
		switch {
		case x.Dialect == Name && (strings.HasPrefix(x.Name, textPrefix) || strings.HasPrefix(x.Name, reasoningPrefix)):
			continue // written where they belong
		case x.Dialect == Name && (x.Name == "tool_choice" || x.Name == "include"):
			continue
		case x.Dialect == "chat" && x.Name == "verbosity", x.Name == "store" && (e.t.Keeps || e.t.Narrow != nil && e.t.Narrow.Forgets):
			continue
		case x.Dialect == Name, x.Dialect == "chat" && sharedWithChat(x.Name):
			e.w.RawField(x.Name, x.Raw)
			store = store || x.Name == "store"
		case x.Bookkeeping:
		default:
			e.lose(x.Name, "no such setting in responses")
		}
	}
	if !store {
		e.w.BoolField("store", false)
	}
	e.include()
}

// sharedWithChat tells whether both of OpenAI's APIs have a setting of this name
// that means the same.
func sharedWithChat(name string) bool {
	switch name {
	case "store", "metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier":
		return true
	}
	return false
}

// include asks for encrypted reasoning where there may be some: without it the
// next turn could not have it back.
func (e *encoder) include() {
	reasons := e.t.Caps.Thinking == llm.ThinkEffort ||
		e.t.Caps.Thinking != llm.ThinkNone && (e.req.Thinking.Wanted() || e.recalled)
	var asked []byte
	for _, x := range e.req.Extra {
		if x.Dialect == Name && x.Name == "include" {
			asked = x.Raw
		}
	}
	if asked == nil && !reasons {
		return
	}
	w := e.w
	w.Key("include")
	w.List()
	if asked != nil {
		r := wire.NewReader(asked)
		for range r.Elements() {
			if raw := r.Raw(); !bytes.Contains(raw, []byte(encryptedReasoning)) {
				w.Raw(raw)
			} else {
				reasons = true
			}
		}
	}
	if reasons {
		w.Str(encryptedReasoning)
	}
	w.EndList()
}

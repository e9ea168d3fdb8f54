package gemini

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// encoder writes one request. Losses gather as it goes.
type encoder struct {
	req    *llm.Request
	caps   *llm.Caps
	w      *wire.Writer
	losses []llm.Loss

	refWork int // spent on references in schemas
	config  bool
}

// EncodeRequest makes the body of generateContent and streamGenerateContent,
// which is the same. The model stands in the path.
func (Dialect) EncodeRequest(req *llm.Request, target *llm.Target) ([]byte, []llm.Loss, error) {
	e := &encoder{req: req, caps: &target.Caps, w: wire.NewWriter(make([]byte, 0, llm.SizeHint(req)))}
	if req.MaxTokens != nil && *req.MaxTokens < 1 {
		return nil, nil, &llm.Error{Kind: llm.ErrInvalid, Param: "max_tokens", Message: "max_tokens: must be at least 1"}
	}
	llm.LoseMarks(req, e.lose)
	system, contents := e.conversation()
	if len(contents) == 0 {
		return nil, nil, &llm.Error{Kind: llm.ErrInvalid, Param: "messages", Message: "messages: at least one message with content is needed"}
	}
	e.w.Object()
	e.system(system)
	e.contents(contents)
	functions := e.tools()
	e.toolConfig(functions)
	e.generation(functions)
	e.rest(functions)
	e.w.EndObject()
	body := llm.Regrow(e.w.Bytes(), req.Odd, name, "request", e.lose)
	return body, e.losses, nil
}

func (e *encoder) lose(path, reason string) { e.losses = llm.AddLoss(e.losses, path, reason) }

func (e *encoder) note(kind llm.LossKind, path, reason string) {
	e.losses = llm.NoteLoss(e.losses, kind, path, reason)
}

// change notes something that is sent in another form, or with another value.
func (e *encoder) change(path, reason string) { e.note(llm.LossChanged, path, reason) }

// added notes something that the client did not say.
func (e *encoder) added(path, reason string) { e.note(llm.LossAdded, path, reason) }

// levels tells whether the model is of the generation that takes thinking
// levels instead of budgets. The same one insists on thought signatures and
// takes media in function responses (Gemini 3 developer guide).
func (e *encoder) levels() bool { return e.caps.Thinking == llm.ThinkEffort }

func (e *encoder) system(parts []*llm.Text) {
	if len(parts) == 0 {
		return
	}
	e.w.Key("systemInstruction")
	e.w.Object()
	e.w.Key("parts")
	e.w.List()
	for _, t := range parts {
		e.w.Object()
		e.w.StrField("text", t.Text)
		e.w.EndObject()
		e.mark(t.Cache)
	}
	e.w.EndList()
	e.w.EndObject()
}

// mark notes a cache point: Gemini caches prefixes by itself, or by a cache made
// beforehand.
func (e *encoder) mark(c *llm.Cache) {
	if c != nil {
		e.lose("cache_control", "Gemini caches by itself and takes no cache points")
	}
}

// inConfig opens generationConfig when its first member is written.
func (e *encoder) inConfig(member string) {
	if !e.config {
		e.config = true
		e.w.Key("generationConfig")
		e.w.Object()
	}
	e.w.Key(member)
}

// generation writes generationConfig. No default is ever put in.
func (e *encoder) generation(functions []string) {
	e.sampling()
	if limit := e.req.MaxTokens; limit != nil {
		n := *limit
		if top := e.caps.MaxOutput; top > 0 && n > top {
			e.change("max_tokens", fmt.Sprintf("the model writes at most %d tokens", top))
			n = top
		}
		e.inConfig("maxOutputTokens")
		e.w.Int(n)
	}
	if stop := e.stopSequences(); len(stop) > 0 {
		e.inConfig("stopSequences")
		e.w.List()
		for _, s := range stop {
			e.w.Str(s)
		}
		e.w.EndList()
	}
	e.format(functions)
	e.thinking()
	for _, x := range e.req.Extra {
		if member := configMember(x); member != "" {
			e.inConfig(member)
			e.w.Raw(x.Raw)
		}
	}
	if e.config {
		e.w.EndObject()
	}
}

// maxTemperature is the highest the API takes.
const maxTemperature = 2

func (e *encoder) sampling() {
	temperature, topP, topK := e.req.Temperature, e.req.TopP, e.req.TopK
	if e.caps.Sampling == llm.SamplingNone {
		const why = "the model takes no sampling settings"
		if temperature != nil {
			e.lose("temperature", why)
		}
		if topP != nil {
			e.lose("top_p", why)
		}
		if topK != nil {
			e.lose("top_k", why)
		}
		return
	}
	if temperature != nil {
		n := *temperature
		if n > maxTemperature {
			e.lose("temperature", "Gemini takes at most 2")
			n = maxTemperature
		}
		e.inConfig("temperature")
		e.w.Float(n)
	}
	if topP != nil {
		e.inConfig("topP")
		e.w.Float(*topP)
	}
	if topK != nil {
		e.inConfig("topK")
		e.w.Int(*topK)
	}
}

// maxStops is what the API takes (API reference, GenerationConfig).
const maxStops = 5

func (e *encoder) stopSequences() []string {
	if len(e.req.Stop) == 0 {
		return nil
	}
	if e.caps.NoStop {
		e.lose("stop", "the model takes no stop sequences")
		return nil
	}
	out := make([]string, 0, len(e.req.Stop))
	for _, s := range e.req.Stop {
		if s == "" {
			e.lose("stop", "an empty stop sequence is refused")
			continue
		}
		out = append(out, s)
	}
	if len(out) > maxStops {
		e.lose("stop", fmt.Sprintf("only the first %d stop sequences are sent", maxStops))
		out = out[:maxStops]
	}
	return out
}

// format asks for structured output, which older models do not have beside
// functions ("Function calling with a response mime type is unsupported").
func (e *encoder) format(functions []string) {
	f := e.req.Format
	switch {
	case f == nil:
		return
	case len(functions) > 0 && e.caps.Thinking != llm.ThinkUnknown && !e.levels():
		e.lose("response_format", "the model has no structured output beside tools")
		return
	}
	if f.Description != "" {
		e.lose("response_format: description", "Gemini has none beside the schema")
	}
	e.inConfig("responseMimeType")
	e.w.Str("application/json")
	if len(f.Schema) > 0 {
		e.inConfig("responseJsonSchema")
		e.w.Raw(f.Schema)
	}
}

// configMember is the member of generationConfig that says an extra: one of
// Gemini's own, or one that other APIs have under another name.
func configMember(x llm.Extra) string {
	if x.Dialect == name {
		member, ok := strings.CutPrefix(x.Name, configPrefix)
		if !ok {
			return ""
		}
		return member
	}
	if noMeaning(x) {
		return ""
	}
	switch x.Name {
	case "seed":
		return "seed"
	case "frequency_penalty":
		return "frequencyPenalty"
	case "presence_penalty":
		return "presencePenalty"
	}
	return ""
}

// own members that an extra must not write a second time.
var own = []string{"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "serviceTier"}

// rest writes what only Gemini knows, and names what only others know.
func (e *encoder) rest(functions []string) {
	e.tier()
	if len(e.req.Betas) > 0 {
		e.lose("anthropic-beta", "beta features of Anthropic's API are not known here")
	}
	if e.req.Parallel != nil && !*e.req.Parallel && len(functions) > 0 {
		e.lose("parallel_tool_calls", "Gemini cannot forbid parallel tool calls")
	}
	for _, x := range e.req.Extra {
		switch {
		case configMember(x) != "", strings.HasPrefix(x.Name, "toolConfig.") && x.Dialect == name:
		case x.Dialect != name:
			if !noMeaning(x) {
				e.lose(x.Name, "no such setting in gemini")
			}
		case slices.Contains(own, x.Name):
			e.lose(x.Name, "already set by the request")
		default:
			e.w.RawField(x.Name, x.Raw)
		}
	}
}

func (e *encoder) tier() {
	switch t := e.req.Tier; t {
	case "", "auto", "default", "standard", "standard_only":
	case "priority", "flex":
		e.w.StrField("serviceTier", t)
	default:
		e.lose("service_tier", "Gemini has no such tier")
	}
}

// noMeaning tells whether leaving an extra out changes nothing: it says how the
// answer is to be carried, or has the value that stands for "not set".
func noMeaning(x llm.Extra) bool {
	if x.Bookkeeping {
		return true
	}
	raw := string(bytes.TrimSpace(x.Raw))
	switch x.Name {
	case "stream", "stream_options", "include":
		return true
	case "n":
		return raw == "1"
	}
	return isOneOf(raw, "null", "false", "0", "0.0", "{}", "[]", `""`)
}

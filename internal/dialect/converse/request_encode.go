package converse

import (
	"fmt"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/llm/schema"
	"turnpike/internal/wire"
)

// encoder writes one request. Losses gather as it goes.
type encoder struct {
	req    *llm.Request
	target *llm.Target
	caps   *llm.Caps
	w      *wire.Writer
	losses []llm.Loss

	thinking   thinkingPlan
	maxTokens  *int64
	additional []member       // of additionalModelRequestFields
	points     int            // cache points written before the messages
	spare      map[string]int // cache points that are too many there, the first ones
	cuts       []span         // cache points written among the messages
	docNames   map[string]int // how often a name was wanted
	schemas    schema.Budget
}

// member is one member of an object being put together.
type member struct {
	name string
	raw  []byte
}

// span is a piece of the text written so far.
type span struct{ from, to int }

// EncodeRequest makes the body of Converse and ConverseStream, which is the same.
// The model stands in the path, so it is not part of it.
func (Dialect) EncodeRequest(req *llm.Request, target *llm.Target) ([]byte, []llm.Loss, error) {
	e := &encoder{req: req, target: target, caps: &target.Caps, w: wire.NewWriter(make([]byte, 0, llm.SizeHint(req))), maxTokens: req.MaxTokens}
	if req.MaxTokens != nil && *req.MaxTokens < 1 {
		return nil, nil, &llm.Error{Kind: llm.ErrInvalid, Param: "max_tokens", Message: "max_tokens: must be at least 1"}
	}
	system, turns := e.conversation()
	if len(turns) == 0 {
		return nil, nil, &llm.Error{Kind: llm.ErrInvalid, Param: "messages", Message: "messages: at least one message with content is needed"}
	}
	tools := e.toolList(turns)
	if e.caps.NoTools {
		turns = llm.Merged(e.flattenTools(turns))
	}
	e.planThinking(turns)
	e.sparePoints(system, tools, turns)
	e.w.Object()
	e.system(system)
	e.toolConfig(tools)
	e.messages(turns)
	e.inference()
	e.format()
	e.betas()
	e.tier()
	if req.Parallel != nil && !*req.Parallel && len(tools) > 0 {
		e.lose("parallel_tool_calls", "Converse cannot forbid parallel tool calls")
	}
	e.extras()
	e.w.EndObject()
	body := llm.Regrow(e.w.Bytes(), req.Odd, dialectName, "request", e.lose)
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

// claudeLike tells whether rules and members of Claude apply: to Claude, and to
// a model nothing is known of (an application inference profile may be Claude).
func (e *encoder) claudeLike() bool { return e.caps.Family == familyClaude || e.caps.Family == "" }

func (e *encoder) claude() bool { return e.caps.Family == familyClaude }

// system writes the system prompt, block for block.
func (e *encoder) system(parts []*llm.Text) {
	if len(parts) == 0 {
		return
	}
	e.w.Key("system")
	e.w.List()
	for _, t := range parts {
		e.text(t)
		e.headPoint(t.Cache, "system")
	}
	e.w.EndList()
}

// inference writes inferenceConfig. No default is ever put in.
func (e *encoder) inference() {
	temperature, topP := e.sampling()
	stop := e.stopSequences()
	limit := e.limit()
	if temperature == nil && topP == nil && limit == nil && len(stop) == 0 {
		return
	}
	e.w.Key("inferenceConfig")
	e.w.Object()
	if limit != nil {
		e.w.IntField("maxTokens", *limit)
	}
	if temperature != nil {
		e.w.Key("temperature")
		e.w.Float(*temperature)
	}
	if topP != nil {
		e.w.Key("topP")
		e.w.Float(*topP)
	}
	if len(stop) > 0 {
		e.w.Key("stopSequences")
		e.w.List()
		for _, s := range stop {
			e.w.Str(s)
		}
		e.w.EndList()
	}
	e.w.EndObject()
}

func (e *encoder) limit() *int64 {
	if e.thinking.bare && e.maxTokens != nil {
		e.lose("max_tokens", "the model takes none beside its highest reasoning effort")
		return nil
	}
	if e.maxTokens != nil && e.caps.MaxOutput > 0 && *e.maxTokens > e.caps.MaxOutput {
		e.change("max_tokens", fmt.Sprintf("the model writes at most %d tokens", e.caps.MaxOutput))
		return &e.caps.MaxOutput
	}
	return e.maxTokens
}

// sampling applies what the model takes of temperature, top_p and top_k.
func (e *encoder) sampling() (temperature, topP *float64) {
	temperature, topP = e.req.Temperature, e.req.TopP
	topK := e.req.TopK
	drop := func(name, reason string, have bool) {
		if have {
			e.lose(name, reason)
		}
	}
	switch {
	case e.caps.Sampling == llm.SamplingNone || e.thinking.bare:
		why := "the model takes no sampling settings"
		if e.thinking.bare {
			why += " beside its highest reasoning effort"
		}
		drop("temperature", why, temperature != nil && *temperature != 1)
		drop("top_p", why, topP != nil && *topP != 1)
		drop("top_k", why, topK != nil)
		temperature, topP, topK = nil, nil, nil
	case e.caps.Sampling == llm.SamplingOne && temperature != nil && topP != nil:
		drop("top_p", "the model takes temperature or top_p, not both", *topP != 1)
		topP = nil
	}
	if e.thinking.strictSampling {
		const why = "cannot be set while the model thinks"
		if temperature != nil && *temperature != 1 {
			drop("temperature", why, true)
			temperature = nil
		}
		if topP != nil && *topP < 0.95 {
			drop("top_p", why, true)
			topP = nil
		}
		drop("top_k", why, topK != nil)
		topK = nil
	}
	if temperature != nil && *temperature > 1 {
		one := 1.0
		e.lose("temperature", "Converse takes at most 1")
		temperature = &one
	}
	e.topK(topK)
	return temperature, topP
}

func (e *encoder) topK(k *int64) {
	switch {
	case k == nil:
	case e.claude():
		e.add("top_k", fmt.Appendf(nil, "%d", *k))
	case e.caps.Family == familyNova:
		e.add("inferenceConfig", fmt.Appendf(nil, `{"topK":%d}`, *k))
	default:
		e.lose("top_k", "Converse has no such setting for this model")
	}
}

// maxStops is what models other than Claude take (Amazon Nova user guide: 0 to 4).
const maxStops = 4

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
		if strings.TrimSpace(s) == "" {
			e.lose("stop", "blank stop sequences are refused")
			continue
		}
		out = append(out, s)
	}
	if len(out) > maxStops && !e.claude() {
		e.lose("stop", fmt.Sprintf("only the first %d stop sequences are sent", maxStops))
		out = out[:maxStops]
	}
	return out
}

var _ llm.Formatter = Dialect{}

// TakesFormat wants a schema and a model that keeps to it.
func (Dialect) TakesFormat(f *llm.Format, c *llm.Caps) bool { return len(f.Schema) > 0 && c.Structured }

// format asks for structured output where the model has it of its own.
func (e *encoder) format() {
	f := e.req.Format
	switch {
	case f == nil:
		return
	case len(f.Schema) == 0:
		e.lose("response_format", "Converse has no JSON mode without a schema")
		return
	case !(Dialect{}).TakesFormat(f, e.caps):
		e.lose("response_format", "the model has no structured output")
		return
	}
	e.w.Key("outputConfig")
	e.w.Object()
	e.w.Key("textFormat")
	e.w.Object()
	e.w.StrField("type", "json_schema")
	e.w.Key("structure")
	e.w.Object()
	e.w.Key("jsonSchema")
	e.w.Object()
	name := f.Name
	if name == "" {
		name = "answer"
	}
	e.w.StrField("name", llm.ShortName(name, llm.NameLimit64))
	if f.Description != "" {
		e.w.StrField("description", f.Description)
	}
	e.w.Key("schema")
	e.w.Text(f.Schema) // the schema travels as a string
	for range 4 {
		e.w.EndObject()
	}
}

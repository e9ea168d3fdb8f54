package messages

import (
	"fmt"
	"slices"

	"turnpike/internal/llm"
	"turnpike/internal/llm/schema"
	"turnpike/internal/wire"
)

// encoder makes one body. The request is shared with other attempts and stays
// as it is: what is changed is changed on copies.
type encoder struct {
	req    *llm.Request
	t      *llm.Target
	losses []llm.Loss

	system    []llm.Part
	turns     []turn
	tools     []llm.Tool
	choice    llm.Choice
	betas     []string // those the target takes, where it does not take all; Anthropic's go in a header
	maxTokens int64
	think     thinkingPlan
	temp      *float64
	topP      *float64
	topK      *int64
	schemas   schema.Budget

	w *wire.Writer
}

// turn is a message on its way out.
type turn struct {
	role  llm.Role
	parts []llm.Part
	at    int // index in the request, for losses
}

// EncodeRequest makes the body for Anthropic, or for Claude through Bedrock's
// InvokeModel. Beta flags for Anthropic travel in a header, which the provider writes.
func (Dialect) EncodeRequest(req *llm.Request, t *llm.Target) ([]byte, []llm.Loss, error) {
	e := &encoder{req: req, t: t, choice: req.Choice}
	switch {
	case t.Bedrock:
		e.filterBetas()
	case t.Narrow != nil:
		e.narrowBetas()
	}
	e.shape()
	e.pickTools()
	e.limitTokens()
	e.planThinking()
	e.sampling()
	e.settleChoice()
	e.turns = e.tail(e.turns)
	if len(e.turns) == 0 {
		return nil, nil, &llm.Error{
			Kind: llm.ErrInvalid, Param: "messages",
			Message: "messages: nothing is left to send: the conversation holds no text, image or tool result this model takes",
		}
	}
	e.limitCache()
	e.w = wire.NewWriter(make([]byte, 0, e.size()))
	e.body()
	body := llm.Regrow(e.w.Bytes(), req.Odd, name, "request", e.lose)
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

func (e *encoder) loseIn(turn int, what, reason string) { e.lose(placeIn(turn, what), reason) }

func (e *encoder) changeIn(turn int, what, reason string) { e.change(placeIn(turn, what), reason) }

func (e *encoder) addedIn(turn int, what, reason string) { e.added(placeIn(turn, what), reason) }

func placeIn(turn int, what string) string {
	if turn < 0 {
		return "system: " + what
	}
	return fmt.Sprintf("messages[%d].content: %s", turn, what)
}

// size guesses the length of the body, so that a long conversation is not
// copied again and again while it is written.
func (e *encoder) size() int {
	n := 2048
	for i := range e.tools {
		n += len(e.tools[i].Description) + len(e.tools[i].Schema) + 128
	}
	n += llm.PartsSize(e.system)
	for i := range e.turns {
		n += llm.PartsSize(e.turns[i].parts) + 32
	}
	return n + n/16
}

// body writes the members in an order that never changes.
func (e *encoder) body() {
	w := e.w
	w.Object()
	switch {
	case e.t.Bedrock:
		w.StrField("anthropic_version", bedrockVersion)
		if len(e.betas) > 0 {
			w.Key("anthropic_beta")
			writeStrings(w, e.betas)
		}
	case e.t.Vertex:
		w.StrField("anthropic_version", vertexVersion)
	default:
		w.StrField("model", e.t.Model)
	}
	w.IntField("max_tokens", e.maxTokens)
	if e.t.Stream && !e.t.Bedrock {
		w.BoolField("stream", true)
	}
	if len(e.system) > 0 {
		w.Key("system")
		e.writeParts(e.system)
	}
	w.Key("messages")
	w.List()
	for i := range e.turns {
		w.Object()
		w.StrField("role", string(e.turns[i].role))
		w.Key("content")
		e.writeParts(e.turns[i].parts)
		w.EndObject()
	}
	w.EndList()
	e.writeTools()
	e.writeThinking()
	e.writeSettings()
	e.writeExtras()
	w.EndObject()
}

func (e *encoder) writeSettings() {
	w, q := e.w, e.req
	if e.temp != nil {
		w.Key("temperature")
		w.Float(*e.temp)
	}
	if e.topP != nil {
		w.Key("top_p")
		w.Float(*e.topP)
	}
	if e.topK != nil {
		w.IntField("top_k", *e.topK)
	}
	e.writeStops()
	if q.User != "" {
		w.Key("metadata")
		w.Object()
		w.StrField("user_id", q.User)
		w.EndObject()
	}
	e.writeTier()
}

// writeStops leaves out stop sequences of white space, which the API refuses.
func (e *encoder) writeStops() {
	var stops []string
	for i, s := range e.req.Stop {
		switch {
		case blank(s):
			e.lose(fmt.Sprintf("stop_sequences[%d]", i), "a stop sequence must hold more than white space")
		case !slices.Contains(stops, s):
			stops = append(stops, s)
		}
	}
	if len(stops) == 0 {
		return
	}
	if e.t.Caps.NoStop {
		e.lose("stop_sequences", "the model takes none")
		return
	}
	e.w.Key("stop_sequences")
	writeStrings(e.w, stops)
}

// writeTier says OpenAI's words in Anthropic's.
func (e *encoder) writeTier() {
	tier := e.req.Tier
	switch tier {
	case "":
		return
	case "auto", "standard_only":
	case "default", "standard":
		tier = "standard_only"
	default:
		e.lose("service_tier", "no such tier in messages: "+clip(tier))
		return
	}
	switch {
	case e.t.Bedrock:
	case !e.t.Narrow.Takes("service_tier"):
		e.lose("service_tier", e.t.Narrow.Name+" takes no such setting")
	default:
		e.w.StrField("service_tier", tier)
	}
}

func writeStrings(w *wire.Writer, list []string) {
	w.List()
	for _, s := range list {
		w.Str(s)
	}
	w.EndList()
}

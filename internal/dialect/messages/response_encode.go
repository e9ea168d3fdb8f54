package messages

import (
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// unsignedIssuer names reasoning that its model did not sign. Anthropic's clients
// want a signature on every thinking block and hand it back with the text, so
// the seal itself holds nothing.
const unsignedIssuer = "unsigned"

func unsignedSeal() string { return llm.Seal(unsignedIssuer, &llm.Thinking{}) }

// EncodeResponse writes a whole answer for a client of the Messages API.
func (Dialect) EncodeResponse(req *llm.Request, res *llm.Response) []byte {
	w := wire.NewWriter(make([]byte, 0, 512+llm.PartsSize(res.Parts)))
	a := answer{req: req}
	var lost llm.LossList
	w.Object()
	w.StrField("id", messageID(res.ID))
	w.StrField("type", "message")
	w.StrField("role", "assistant")
	w.StrField("model", req.Model)
	w.Key("content")
	w.List()
	for _, p := range res.Parts {
		loseForeign(&lost, p)
		if t, ok := p.(*llm.Text); ok && len(t.Citations) > 0 {
			p = cited(&lost, t)
		}
		if c, ok := p.(*llm.ToolCall); ok && !c.Proves(a.proof) {
			a.block(w, &llm.Thinking{Signature: llm.SealCall(c)}) // tool_use has no place for it
		}
		a.block(w, p)
		a.proof = ""
		if t, ok := p.(*llm.Thinking); ok {
			a.proof = t.Signature
		}
	}
	w.EndList()
	writeStop(w, stopReason(res.Stop, res.NativeStop, a.refused), res.StopSequence, res.StopDetails)
	w.Key("usage")
	writeUsage(w, res.Usage, res.Tier)
	for _, x := range res.Extra {
		if x.Dialect == name {
			w.RawField(x.Name, x.Raw)
		}
	}
	w.EndObject()
	res.Losses = llm.ForeignExtra(llm.AddLosses(res.Losses, lost.Losses()), res.Extra, name)
	return res.Regrown(w.Bytes(), name)
}

// loseForeign names what only another API can say in an answer.
func loseForeign(l *llm.LossList, p llm.Part) {
	switch p := p.(type) {
	case *llm.Native:
		if p.Dialect != name {
			l.Lose("content", "messages has no block of type "+clip(p.Type))
		}
	case *llm.Media:
		l.Lose("content", "messages takes no "+string(p.Kind)+" in an answer")
	}
}

// cited is a text with those of its citations that this API can say.
func cited(l *llm.LossList, t *llm.Text) *llm.Text {
	out := &llm.Text{Text: t.Text}
	for i := range t.Citations {
		if citable(l, &t.Citations[i]) {
			out.Citations = append(out.Citations, t.Citations[i])
		}
	}
	return out
}

// answer is what must be remembered from block to block.
type answer struct {
	req     *llm.Request
	refused bool
	proof   string // of the reasoning that was written last, where nothing stands behind it
	ids     llm.UniqueIDs
}

// block writes one part, or nothing for a part that only another API has.
func (a *answer) block(w *wire.Writer, p llm.Part) {
	if n, ok := p.(*llm.Native); ok {
		if n.Dialect == name {
			w.Raw(n.Raw)
		}
		return
	}
	w.Object()
	switch p := p.(type) {
	case *llm.Text:
		w.StrField("type", "text")
		w.StrField("text", p.Text)
		writeCitations(w, p.Citations)
	case *llm.Refusal:
		a.refused = true
		w.StrField("type", "text")
		w.StrField("text", p.Text)
	case *llm.Thinking:
		signed := *p
		if p.Signature == "" {
			signed.Signature = unsignedSeal()
		}
		writeThinkingBlock(w, &signed)
	case *llm.ToolCall:
		w.StrField("type", "tool_use")
		w.StrField("id", a.id(p.ID))
		w.StrField("name", llm.RestoreName(a.req, p.Name))
		if p.Broken != "" {
			w.RawField("input", brokenInput(p.Broken))
		} else {
			w.RawField("input", p.Arguments())
		}
	default: // media: the API's answers hold none
		w.StrField("type", "text")
		w.StrField("text", "["+partName(p)+" left out]")
	}
	w.EndObject()
}

// id is the id of a tool call in a form that clients and the API take, each once
// in an answer.
func (a *answer) id(id string) string {
	if id == "" {
		id = "toolu_" + llm.RandomID(24)
	}
	return a.ids.Take(id)
}

// messageID is the upstream's id, with the prefix that Anthropic's have.
func messageID(id string) string {
	switch {
	case id == "":
		return "msg_" + llm.RandomID(24)
	case strings.HasPrefix(id, "msg_"):
		return id
	}
	return "msg_" + id
}

// stopReason is the canonical reason in Anthropic's words. A stream without a
// reason would leave clients waiting, so there is always one.
func stopReason(s llm.Stop, native string, refused bool) string {
	switch s {
	case llm.StopLength:
		return "max_tokens"
	case llm.StopContext:
		return "model_context_window_exceeded"
	case llm.StopTool:
		return "tool_use"
	case llm.StopSequence:
		return "stop_sequence"
	case llm.StopFilter:
		return "refusal"
	case llm.StopPause:
		if native == "compaction" {
			return native
		}
		return "pause_turn"
	case llm.StopEnd, llm.StopOther:
	}
	if refused {
		return "refusal"
	}
	return "end_turn"
}

func writeStop(w *wire.Writer, reason, sequence string, details []byte) {
	w.StrField("stop_reason", reason)
	w.Key("stop_sequence")
	if sequence != "" && reason == "stop_sequence" {
		w.Str(sequence)
	} else {
		w.Null()
	}
	switch {
	case len(details) > 0:
		w.RawField("stop_details", details)
	case reason == "refusal": // another API's filter, which gives no category
		w.RawField("stop_details", []byte(`{"type":"refusal","category":null,"explanation":null}`))
	}
}

package gemini

import (
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// EncodeResponse writes a whole answer for a client of the Gemini API.
func (Dialect) EncodeResponse(req *llm.Request, res *llm.Response) []byte {
	w := wire.NewWriter(make([]byte, 0, 512+llm.PartsSize(res.Parts)))
	p := partWriter{req: req, w: w}
	var lost llm.LossList
	var cites grounded
	w.Object()
	w.Key("candidates")
	w.List()
	w.Object()
	w.Key("content")
	w.Object()
	w.Key("parts")
	w.List()
	for i, part := range res.Parts {
		loseForeign(&lost, part)
		switch t := part.(type) {
		case *llm.Text:
			cites.add(&lost, t.Text, t.Citations)
		case *llm.Refusal:
			cites.add(&lost, t.Text, nil)
		}
		if i+1 < len(res.Parts) {
			p.next = res.Parts[i+1]
		} else {
			p.next = nil
		}
		p.part(part)
	}
	p.flush()
	w.EndList()
	w.StrField("role", "model")
	w.EndObject()
	w.StrField("finishReason", finishReason(res.Stop, res.NativeStop))
	w.IntField("index", 0)
	extras(w, res.Extra, true)
	cites.writeMember(w)
	w.EndObject()
	w.EndList()
	if res.Usage.Known || res.Usage.Estimated {
		w.Key("usageMetadata")
		writeUsage(w, res.Usage)
	}
	w.StrField("modelVersion", req.Model)
	w.StrField("responseId", responseID(res.ID))
	extras(w, res.Extra, false)
	w.EndObject()
	res.Losses = llm.ForeignExtra(llm.AddLosses(res.Losses, lost.Losses()), res.Extra, name)
	return res.Regrown(w.Bytes(), name)
}

// extras writes what only Gemini says: of the candidate, or beside it.
func extras(w *wire.Writer, list []llm.Extra, candidate bool) {
	for _, x := range list {
		if x.Dialect != name {
			continue
		}
		if member, ok := strings.CutPrefix(x.Name, candidatePrefix); ok == candidate {
			w.RawField(member, x.Raw)
		}
	}
}

// loseForeign names what only another API can say in an answer.
func loseForeign(l *llm.LossList, p llm.Part) {
	switch p := p.(type) {
	case *llm.Native:
		if p.Dialect != name {
			l.Lose("content", "gemini has no part of type "+clip(p.Type))
		}
	case *llm.Media:
		if p.Data == "" {
			l.Lose("content", "gemini takes no "+string(p.Kind)+" by its address in an answer")
		}
	}
}

// partWriter writes the parts of an answer. A signature stands on the part behind
// the reasoning, where clients keep it.
type partWriter struct {
	req     *llm.Request
	w       *wire.Writer
	next    llm.Part
	pending string // the thought signature that waits for a part
}

func (p *partWriter) hidden() bool { return p.req.Thinking.Display == displayOmitted }

func (p *partWriter) part(part llm.Part) {
	w := p.w
	switch part := part.(type) {
	case *llm.Text:
		p.text(part.Text)
	case *llm.Refusal:
		p.text(part.Text)
	case *llm.Thinking:
		p.thinking(part)
	case *llm.ToolCall:
		if part.Seal != "" {
			p.flush() // the call has one of its own
		}
		w.Object()
		w.Key("functionCall")
		writeCall(w, p.req, part)
		if part.Seal != "" {
			w.StrField(signatureMember, part.Seal)
		}
		p.sign()
		w.EndObject()
	case *llm.Media:
		if part.Data == "" {
			return
		}
		w.Object()
		w.Key("inlineData")
		w.Object()
		w.StrField("mimeType", mimeOf(part))
		w.StrField("data", part.Data)
		w.EndObject()
		p.sign()
		w.EndObject()
	case *llm.Native:
		if part.Dialect == name && part.Type != typeSignature {
			p.flush()
			w.Raw(part.Raw)
		} else if s := textSignature(part); s != "" && p.pending != s {
			p.flush()
			p.pending = s
			p.flush()
		}
	}
}

func (p *partWriter) text(s string) {
	if s == "" {
		return
	}
	p.w.Object()
	p.w.StrField("text", s)
	p.sign()
	p.w.EndObject()
}

func (p *partWriter) thinking(t *llm.Thinking) {
	own, mine := ownSignature(t)
	if t.Text != "" && !p.hidden() {
		p.w.Object()
		p.w.StrField("text", t.Text)
		p.w.BoolField("thought", true)
		if own != "" && !signs(own, p.next) {
			p.w.StrField(signatureMember, own)
		}
		p.w.EndObject()
	}
	if signature := sealed(t); signature != "" && !mine {
		p.flush()
		p.pending = signature
	}
}

// signs tells whether a signature on reasoning is also on the call behind it.
func signs(signature string, next llm.Part) bool {
	c, ok := next.(*llm.ToolCall)
	return ok && c.Seal == signature
}

// sign puts the waiting signature on the open part.
func (p *partWriter) sign() {
	if p.pending != "" {
		p.w.StrField(signatureMember, p.pending)
		p.pending = ""
	}
}

// flush gives a waiting signature a part of its own.
func (p *partWriter) flush() {
	if p.pending == "" {
		return
	}
	p.w.Object()
	p.w.StrField("text", "")
	p.sign()
	p.w.EndObject()
}

func writeCall(w *wire.Writer, req *llm.Request, c *llm.ToolCall) {
	w.Object()
	w.StrField("id", callIDFor(c.ID))
	w.StrField("name", llm.RestoreName(req, c.Name))
	w.Key("args")
	if c.Broken != "" {
		oneString(w, rawArguments, c.Broken)
	} else {
		w.Raw(c.Arguments())
	}
	w.EndObject()
}

func callIDFor(id string) string {
	if id == "" {
		return "call_" + llm.RandomID(22)
	}
	return id
}

func responseID(id string) string {
	if id == "" {
		return llm.RandomID(22)
	}
	return id
}

// finishReason is the canonical reason in Gemini's words; its own word stays.
func finishReason(s llm.Stop, native string) string {
	if native != "" && stopOf(native) == s {
		if s == llm.StopFilter || s == llm.StopOther && native == strings.ToUpper(native) {
			return native
		}
	}
	switch s {
	case llm.StopLength, llm.StopContext:
		return "MAX_TOKENS"
	case llm.StopFilter:
		return "SAFETY"
	case llm.StopOther, llm.StopPause:
		return "OTHER"
	case llm.StopEnd, llm.StopTool, llm.StopSequence:
	}
	return "STOP"
}

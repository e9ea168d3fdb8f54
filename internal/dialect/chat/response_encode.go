package chat

import (
	"crypto/rand"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// EncodeResponse makes the body of a whole answer.
func (Dialect) EncodeResponse(req *llm.Request, res *llm.Response) []byte {
	w := &wire.Writer{}
	w.Object()
	w.StrField("id", answerID(res.ID))
	w.StrField("object", "chat.completion")
	w.IntField("created", res.Created)
	w.StrField("model", req.Model)
	w.Key("choices")
	w.List()
	w.Object()
	w.IntField("index", 0)
	w.Key("message")
	writeMessage(w, req, res)
	w.Key("logprobs")
	w.Null()
	writeStop(w, res.Stop, res.NativeStop, res.StopDetails)
	w.EndObject()
	w.EndList()
	if res.Usage.Known || res.Usage.Estimated {
		w.RawField("usage", appendUsage(nil, res.Usage))
	}
	if res.Tier != "" {
		w.StrField("service_tier", res.Tier)
	}
	w.EndObject()
	return res.Regrown(w.Bytes(), Name)
}

// answerID is the upstream's id, or one of ours where it has none.
func answerID(id string) string {
	if id != "" {
		return id
	}
	return "chatcmpl-" + rand.Text()
}

// writeStop writes finish_reason and, where that says too little, the upstream's
// own reason (a member that OpenRouter introduced) and Anthropic's stop_details.
func writeStop(w *wire.Writer, stop llm.Stop, native string, details []byte) {
	w.StrField("finish_reason", finishReason(stop))
	if nativeReason(stop, native) {
		w.StrField("native_finish_reason", native)
	}
	if len(details) > 0 {
		w.RawField("stop_details", details)
	}
}

// explanation is what Anthropic says beside a refusal.
func explanation(details []byte) string {
	if len(details) == 0 {
		return ""
	}
	r := wire.NewReader(details)
	if r.Kind() != '{' {
		return ""
	}
	said := ""
	for name := range r.Fields() {
		if string(name) == "explanation" {
			said = string(openai.Text(r))
		}
	}
	return said
}

// outgoing is an answer's message while it is put together.
type outgoing struct {
	content, reasoning, refusal strings.Builder
	details                     []byte // entries of reasoning_details
	annotations                 []byte
	audio                       []byte
	calls                       []*llm.ToolCall
	sealed                      int
	apart                       bool // a part that is no text stands behind the last text
	llm.LossList
}

// typeAudio is the type of the sound in an answer.
const typeAudio = "audio"

// loseForeign names a part that only another API can say in an answer.
func loseForeign(l *llm.LossList, p llm.Part) {
	switch p := p.(type) {
	case *llm.Native:
		l.Lose("content", "chat has no part of type "+openai.Cut(p.Type, 40))
	case *llm.Media:
		l.Lose("content", "chat takes no "+string(p.Kind)+" in an answer")
	}
}

// loseEnd names what cannot be said at the end of an answer.
func loseEnd(l *llm.LossList, stop llm.Stop, native string, extra []llm.Extra) {
	if stop == llm.StopPause {
		l.Lose("stop_reason", native+": the answer is to be continued, for which chat has no word")
	}
	for _, x := range llm.ForeignExtra(nil, extra, Name) {
		l.Lose(x.Path, x.Reason)
	}
}

func (o *outgoing) add(p llm.Part) {
	switch p := p.(type) {
	case *llm.Text:
		if o.apart && !p.Follows && o.content.Len() > 0 && p.Text != "" && !strings.HasPrefix(p.Text, paragraph) {
			o.content.WriteString(paragraph)
		}
		o.apart = false
		if len(p.Citations) > 0 {
			before := characters(o.content.String())
			o.annotations = appendNotes(o.annotations, &o.LossList, p.Citations, before, characters(p.Text))
		}
		o.content.WriteString(p.Text)
		return
	case *llm.Thinking:
		o.reasoning.WriteString(p.Text)
		if seal := proof(p); seal != "" {
			if o.sealed > 0 {
				o.details = append(o.details, ',')
			}
			o.details = appendDetail(o.details, seal, o.sealed, o.content.Len(), len(o.calls))
			o.sealed++
		}
	case *llm.Refusal:
		o.refusal.WriteString(p.Text)
	case *llm.ToolCall:
		o.calls = append(o.calls, p)
	case *llm.Native:
		if p.Dialect == Name && p.Type == typeAudio {
			o.audio = p.Raw
		} else {
			loseForeign(&o.LossList, p)
		}
	case *llm.Media:
		loseForeign(&o.LossList, p)
	case *llm.ToolResult: // no answer holds one
	}
	o.apart = true
}

func writeMessage(w *wire.Writer, req *llm.Request, res *llm.Response) {
	var o outgoing
	for _, p := range res.Parts {
		o.add(p)
	}
	loseEnd(&o.LossList, res.Stop, res.NativeStop, res.Extra)
	res.Losses = llm.AddLosses(res.Losses, o.Losses())
	if o.refusal.Len() == 0 && res.Stop == llm.StopFilter {
		o.refusal.WriteString(explanation(res.StopDetails))
	}
	orNull := func(s string) {
		if s == "" {
			w.Null()
		} else {
			w.Str(s)
		}
	}
	w.Object()
	w.StrField("role", "assistant")
	w.Key("content")
	orNull(o.content.String())
	w.Key("refusal")
	orNull(o.refusal.String())
	if o.reasoning.Len() > 0 {
		w.StrField("reasoning_content", o.reasoning.String())
	}
	if o.sealed > 0 {
		w.Key("reasoning_details")
		w.List()
		w.Raw(o.details)
		w.EndList()
	}
	if len(o.calls) > 0 {
		w.Key("tool_calls")
		w.List()
		for _, c := range o.calls {
			writeCall(w, req, c)
		}
		w.EndList()
	}
	if len(o.annotations) > 0 {
		w.Key("annotations")
		w.List()
		w.Raw(o.annotations)
		w.EndList()
	}
	if o.audio != nil {
		w.RawField("audio", o.audio)
	}
	w.EndObject()
}

// writeCall writes a call under the name the client knows. Arguments that the
// token limit cut short go out as they are: the client must see that.
func writeCall(w *wire.Writer, req *llm.Request, c *llm.ToolCall) {
	kind, input := callKind(c.Custom)
	w.Object()
	w.StrField("id", c.ID)
	w.StrField("type", kind)
	w.Key(kind)
	w.Object()
	w.StrField("name", llm.RestoreName(req, c.Name))
	w.Key(input)
	if c.Broken != "" || c.Custom {
		w.Str(c.Broken)
	} else {
		w.Text(c.Arguments())
	}
	w.EndObject()
	if c.Seal != "" {
		appendExtraContent(w, c.Seal)
	}
	w.EndObject()
}

// callKind is the type of a call and the name of its input.
func callKind(custom bool) (kind, input string) {
	if custom {
		return "custom", "input"
	}
	return "function", "arguments"
}

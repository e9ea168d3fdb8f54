package responses

import (
	"crypto/rand"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// EncodeResponse makes the body of a whole answer: that of a stream's last event.
func (Dialect) EncodeResponse(req *llm.Request, res *llm.Response) []byte {
	var body []byte
	s := &streamEncoder{req: req, whole: func(response []byte) { body = response }}
	_ = res.Replay(func(e *llm.Event) error { // Append cannot fail
		s.scratch = s.append(s.scratch[:0], e)
		return nil
	})
	res.Losses = llm.AddLosses(res.Losses, s.Losses())
	return res.Regrown(body, Name)
}

// loseForeign names what only another API can say in an answer.
func (s *streamEncoder) loseForeign(p llm.Part) {
	switch p := p.(type) {
	case *llm.Native:
		if p.Dialect != Name {
			s.Lose("content", "responses has no item of type "+openai.Cut(p.Type, 40))
		}
	case *llm.Media:
		s.Lose("content", "responses takes no "+string(p.Kind)+" in an answer")
	}
}

// loseEnd names what cannot be said at the end of an answer.
func (s *streamEncoder) loseEnd(e *llm.Event) {
	if e.Stop == llm.StopPause {
		s.Lose("stop_reason", e.NativeStop+": the answer is to be continued, for which responses has no word")
	}
	for _, x := range llm.ForeignExtra(nil, e.Extra, Name) {
		s.Lose(x.Path, x.Reason)
	}
}

// answerID is an id as this API has them: the upstream's where it fits.
func answerID(id string) string {
	switch {
	case id == "":
		return "resp_" + rand.Text()
	case strings.HasPrefix(id, "resp_"):
		return id
	}
	return "resp_" + id
}

// outcome is how an answer ended.
type outcome struct {
	status string // in_progress, completed, incomplete, failed
	why    string // of an incomplete one
	native string // the upstream's own word, where the status says too little
	detail []byte // Anthropic: JSON beside a refusal
	err    *llm.Error
}

func outcomeOf(e *llm.Event) outcome {
	o := outcome{status: "completed", detail: e.StopDetails}
	switch e.Stop {
	case llm.StopLength, llm.StopContext:
		o.status, o.why = "incomplete", "max_output_tokens"
	case llm.StopFilter:
		o.status, o.why = "incomplete", "content_filter"
	case llm.StopEnd, llm.StopTool, llm.StopSequence, llm.StopPause, llm.StopOther:
	}
	switch e.Stop {
	case llm.StopContext, llm.StopPause, llm.StopFilter, llm.StopOther, llm.StopSequence:
		if e.NativeStop != o.status && e.NativeStop != o.why {
			o.native = e.NativeStop
		}
	case llm.StopEnd, llm.StopLength, llm.StopTool:
	}
	return o
}

// appendResponse writes a response object. output is the text of its items,
// without brackets.
func (s *streamEncoder) appendResponse(dst, output []byte, o outcome, usage llm.Usage) []byte {
	w := wire.NewWriter(dst)
	w.Object()
	w.StrField("id", s.id)
	w.StrField("object", "response")
	w.IntField("created_at", s.created)
	w.StrField("status", o.status)
	w.BoolField("background", false)
	w.Key("error")
	if o.err == nil {
		w.Null()
	} else {
		w.Object()
		w.StrField("code", streamCode(o.err))
		w.StrField("message", o.err.Message)
		w.EndObject()
	}
	w.Key("incomplete_details")
	if o.why == "" {
		w.Null()
	} else {
		w.Object()
		w.StrField("reason", o.why)
		w.EndObject()
	}
	w.StrField("model", s.req.Model)
	w.Key("output")
	w.List()
	if len(output) > 0 {
		w.Raw(output)
	}
	w.EndList()
	s.echo(w)
	w.Key("usage")
	writeUsage(w, usage)
	if o.native != "" {
		w.StrField("native_finish_reason", o.native)
	}
	if len(o.detail) > 0 {
		w.RawField("stop_details", o.detail)
	}
	for _, x := range s.extra {
		if x.Dialect == Name {
			w.RawField(x.Name, x.Raw)
		}
	}
	w.EndObject()
	return w.Bytes()
}

// writeFormat writes text.format.
func writeFormat(w *wire.Writer, f *llm.Format) {
	w.Object()
	switch {
	case f == nil:
		w.StrField("type", "text")
	case f.Schema == nil:
		w.StrField("type", "json_object")
	default:
		w.StrField("type", "json_schema")
		openai.WriteFormat(w, f)
	}
	w.EndObject()
}

// explanation is what Anthropic says beside a refusal.
func explanation(details []byte) string {
	if len(details) == 0 {
		return ""
	}
	return string(peek(*wire.NewReader(details), "explanation"))
}

// The items of an answer, as the last event of their own and the whole answer
// show them.

func appendMessage(dst []byte, id, status string, content []byte) []byte {
	w := wire.NewWriter(dst)
	w.Object()
	w.StrField("id", id)
	w.StrField("type", "message")
	w.StrField("status", status)
	w.StrField("role", "assistant")
	w.Key("content")
	w.List()
	if len(content) > 0 {
		w.Raw(content)
	}
	w.EndList()
	w.EndObject()
	return w.Bytes()
}

// appendContent writes a part of a message.
func appendContent(dst []byte, refusal bool, said, notes []byte) []byte {
	w := wire.NewWriter(dst)
	w.Object()
	if refusal {
		w.StrField("type", "refusal")
		w.Key("refusal")
		w.Text(said)
		w.EndObject()
		return w.Bytes()
	}
	w.StrField("type", "output_text")
	w.Key("annotations")
	w.List()
	if len(notes) > 0 {
		w.Raw(notes)
	}
	w.EndList()
	w.Key("logprobs")
	w.List()
	w.EndList()
	w.Key("text")
	w.Text(said)
	w.EndObject()
	return w.Bytes()
}

func appendReasoning(dst []byte, id, summary, proof string) []byte {
	w := wire.NewWriter(dst)
	w.Object()
	w.StrField("id", id)
	w.StrField("type", "reasoning")
	w.Key("summary")
	w.List()
	if summary != "" {
		w.Object()
		w.StrField("type", "summary_text")
		w.StrField("text", summary)
		w.EndObject()
	}
	w.EndList()
	if proof != "" {
		w.StrField("encrypted_content", proof)
	}
	w.EndObject()
	return w.Bytes()
}

// calling is a call on its way to the client, under the name it knows.
type calling struct {
	id, callID, name, group string
	custom                  bool // it takes free text
}

func (c *calling) kind() string {
	if c.custom {
		return "custom_tool_call"
	}
	return "function_call"
}

// event is the kind of events that bring a call's input.
func (c *calling) event() string {
	if c.custom {
		return "response.custom_tool_call_input"
	}
	return "response.function_call_arguments"
}

func (c *calling) member() string {
	if c.custom {
		return "input"
	}
	return "arguments"
}

func (c *calling) append(dst []byte, status string, input []byte) []byte {
	w := wire.NewWriter(dst)
	w.Object()
	w.StrField("id", c.id)
	w.StrField("type", c.kind())
	w.StrField("status", status)
	w.StrField("call_id", c.callID)
	w.StrField("name", c.name)
	if c.group != "" {
		w.StrField("namespace", c.group)
	}
	w.Key(c.member())
	w.Text(input)
	w.EndObject()
	return w.Bytes()
}

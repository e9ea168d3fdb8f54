package sandbox

import (
	"net/http"

	"turnpike/internal/wire"
)

// messages is Anthropic's Messages, after its API reference.
type messages struct{}

func (messages) streamType() string    { return eventStreamType }
func (messages) idHeader() string      { return "Request-Id" }
func (messages) voice(a *answer) voice { return &messagesVoice{a: a} }

func (messages) read(body []byte, q *question) error {
	turns, limit := 0, int64(0)
	err := readObject(body, func(r *wire.Reader, name string) {
		switch name {
		case "model":
			q.model = r.Str()
		case "stream":
			q.stream = r.Bool()
		case "max_tokens":
			if limit = r.Int(); limit < 1 {
				r.Fail("must be greater than 0")
			}
		case "system":
			var s said
			messagesContent(r, &s)
			q.system(s)
		case "messages":
			for range r.Elements() {
				turns++
				messagesTurn(r, q)
			}
		case "tools":
			for range r.Elements() {
				messagesTool(r, q)
			}
		}
	})
	switch {
	case err != nil:
		return err
	case q.model == "":
		return invalid("model", "model: Field required")
	case limit == 0:
		return invalid("max_tokens", "max_tokens: Field required")
	case turns == 0:
		return invalid("messages", "messages: at least one message is required")
	}
	return nil
}

func messagesTurn(r *wire.Reader, q *question) {
	role, s := readTurn(r, messagesContent)
	switch role {
	case "user":
		q.user(s)
	case "assistant":
		q.assistant(s)
	case "system":
		q.system(s)
	default:
		r.Fail("role %q is none of user, assistant, system", short(role, 40))
	}
}

// messagesContent reads a text or a list of blocks.
func messagesContent(r *wire.Reader, s *said) {
	if r.Kind() == '"' {
		s.text(r.Str())
		return
	}
	for range r.Elements() {
		messagesBlock(r, s)
	}
}

func messagesBlock(r *wire.Reader, s *said) {
	var kind, text string
	var inner said
	for name := range r.Fields() {
		switch string(name) {
		case "type":
			kind = r.Str()
		case "text":
			text = r.Str()
		case "content":
			// Some blocks of Anthropic's own tools have an object here.
			if k := r.Kind(); k == '"' || k == '[' {
				messagesContent(r, &inner)
			}
		}
	}
	switch kind {
	case "text":
		s.text(text)
	case "image":
		s.images++
	case "document":
		s.documents++
	case "tool_result":
		s.result(inner)
	}
}

// messagesTool reads a tool. Anthropic's own tools, which have no schema in the
// request, are not for the sandbox to call.
func messagesTool(r *wire.Reader, q *question) {
	t, description := readTool(r, "input_schema", (*wire.Reader).Raw)
	if t.schema != nil {
		q.offer(t, description)
	}
}

// messagesErrors are Anthropic's error types by status.
var messagesErrors = map[int]string{
	http.StatusUnauthorized:          "authentication_error",
	http.StatusPaymentRequired:       "billing_error",
	http.StatusForbidden:             "permission_error",
	http.StatusNotFound:              "not_found_error",
	http.StatusRequestEntityTooLarge: "request_too_large",
	http.StatusTooManyRequests:       "rate_limit_error",
	http.StatusServiceUnavailable:    "overloaded_error",
	http.StatusGatewayTimeout:        "timeout_error",
	statusOverloaded:                 "overloaded_error",
}

func (messages) refuse(_ http.Header, f *failure, id string) []byte {
	t := messagesErrors[f.status]
	switch {
	case t != "":
	case f.status >= http.StatusInternalServerError:
		t = "api_error"
	default:
		t = "invalid_request_error"
	}
	w := wire.NewWriter(nil)
	messagesError(w, t, f.msg, id)
	return w.Bytes()
}

func messagesError(w *wire.Writer, kind, msg, id string) {
	w.Object()
	w.StrField("type", "error")
	w.Key("error")
	w.Object()
	w.StrField("type", kind)
	w.StrField("message", msg)
	w.EndObject()
	if id != "" {
		w.StrField("request_id", "req_"+id)
	}
	w.EndObject()
}

func (messages) whole(a *answer) []byte {
	w := wire.NewWriter(nil)
	w.Object()
	messagesHead(w, a)
	w.Key("content")
	w.List()
	for i := range a.parts {
		p := &a.parts[i]
		w.Object()
		switch p.kind {
		case kindThinking:
			w.StrField("type", "thinking")
			w.StrField("thinking", p.text)
			w.StrField("signature", a.signature())
		case kindText:
			w.StrField("type", "text")
			w.StrField("text", p.text)
		case kindCall:
			messagesCall(w, a, p, []byte(p.text))
		}
		w.EndObject()
	}
	w.EndList()
	messagesStop(w, a.stop)
	messagesUsage(w, a, a.output)
	w.EndObject()
	return w.Bytes()
}

func messagesHead(w *wire.Writer, a *answer) {
	w.StrField("id", "msg_"+a.id)
	w.StrField("type", "message")
	w.StrField("role", "assistant")
	w.StrField("model", a.model)
}

func messagesCall(w *wire.Writer, a *answer, p *part, input []byte) {
	w.StrField("type", "tool_use")
	w.StrField("id", a.callID("toolu_", p))
	w.StrField("name", p.name)
	w.RawField("input", input)
}

// messagesStop writes why the answer ended; an empty stop is one to come.
func messagesStop(w *wire.Writer, stop string) {
	reason := map[string]string{
		stopEnd: "end_turn", stopLength: "max_tokens", stopTool: "tool_use", stopRefusal: "refusal",
	}[stop]
	orNull(w, "stop_reason", reason)
	orNull(w, "stop_sequence", "")
}

func messagesUsage(w *wire.Writer, a *answer, output int64) {
	w.Key("usage")
	w.Object()
	w.IntField("input_tokens", a.input)
	w.IntField("cache_creation_input_tokens", 0)
	w.IntField("cache_read_input_tokens", 0)
	w.Key("cache_creation")
	w.Object()
	w.IntField("ephemeral_5m_input_tokens", 0)
	w.IntField("ephemeral_1h_input_tokens", 0)
	w.EndObject()
	w.IntField("output_tokens", output)
	w.StrField("service_tier", "standard")
	w.EndObject()
}

// messagesVoice streams a message.
type messagesVoice struct{ a *answer }

func (v *messagesVoice) event(dst []byte, name string, members func(w *wire.Writer)) []byte {
	w := openEvent(dst, name)
	w.Object()
	w.StrField("type", name)
	members(w)
	w.EndObject()
	return closeEvent(w)
}

func (v *messagesVoice) open(dst []byte) []byte {
	dst = v.event(dst, "message_start", func(w *wire.Writer) {
		w.Key("message")
		w.Object()
		messagesHead(w, v.a)
		w.Key("content")
		w.List()
		w.EndList()
		messagesStop(w, "")
		messagesUsage(w, v.a, 1)
		w.EndObject()
	})
	return v.event(dst, "ping", func(*wire.Writer) {})
}

func (v *messagesVoice) begin(dst []byte, p *part) []byte {
	return v.event(dst, "content_block_start", func(w *wire.Writer) {
		w.IntField("index", int64(p.index))
		w.Key("content_block")
		w.Object()
		switch p.kind {
		case kindThinking:
			w.StrField("type", "thinking")
			w.StrField("thinking", "")
			w.StrField("signature", "")
		case kindText:
			w.StrField("type", "text")
			w.StrField("text", "")
		case kindCall:
			messagesCall(w, v.a, p, []byte("{}"))
		}
		w.EndObject()
	})
}

func (v *messagesVoice) piece(dst []byte, p *part, s string) []byte {
	switch p.kind {
	case kindThinking:
		return v.delta(dst, p, "thinking_delta", "thinking", s)
	case kindCall:
		return v.delta(dst, p, "input_json_delta", "partial_json", s)
	default:
		return v.delta(dst, p, "text_delta", "text", s)
	}
}

func (v *messagesVoice) delta(dst []byte, p *part, kind, member, s string) []byte {
	return v.event(dst, "content_block_delta", func(w *wire.Writer) {
		w.IntField("index", int64(p.index))
		w.Key("delta")
		w.Object()
		w.StrField("type", kind)
		w.StrField(member, s)
		w.EndObject()
	})
}

func (v *messagesVoice) end(dst []byte, p *part) []byte {
	if p.kind == kindThinking {
		dst = v.delta(dst, p, "signature_delta", "signature", v.a.signature())
	}
	return v.event(dst, "content_block_stop", func(w *wire.Writer) { w.IntField("index", int64(p.index)) })
}

func (v *messagesVoice) finish(dst []byte) []byte {
	dst = v.event(dst, "message_delta", func(w *wire.Writer) {
		w.Key("delta")
		w.Object()
		messagesStop(w, v.a.stop)
		w.EndObject()
		w.Key("usage")
		w.Object()
		w.IntField("input_tokens", v.a.input)
		w.IntField("cache_creation_input_tokens", 0)
		w.IntField("cache_read_input_tokens", 0)
		w.IntField("output_tokens", v.a.output)
		w.EndObject()
	})
	return v.event(dst, "message_stop", func(*wire.Writer) {})
}

func (v *messagesVoice) fault(dst []byte) []byte {
	w := openEvent(dst, "error")
	messagesError(w, "overloaded_error", faultText, "")
	return closeEvent(w)
}

package sandbox

import (
	"net/http"

	"turnpike/internal/wire"
)

// chat is OpenAI's chat completions, after its API reference.
type chat struct{}

func (chat) streamType() string    { return eventStreamType }
func (chat) idHeader() string      { return "X-Request-Id" }
func (chat) voice(a *answer) voice { return newChatVoice(a) }

func (chat) read(body []byte, q *question) error {
	turns := 0
	err := readObject(body, func(r *wire.Reader, name string) {
		switch name {
		case "model":
			q.model = r.Str()
		case "stream":
			q.stream = r.Bool()
		case "stream_options":
			for name := range r.Fields() {
				if string(name) == "include_usage" {
					q.usage = r.Bool()
				}
			}
		case "messages":
			for range r.Elements() {
				turns++
				chatTurn(r, q)
			}
		case "tools":
			for range r.Elements() {
				chatTool(r, q)
			}
		}
	})
	switch {
	case err != nil:
		return err
	case q.model == "":
		return invalid("model", "you must provide a model parameter")
	case turns == 0:
		return invalid("messages", "messages is missing or empty: it must hold at least one message")
	}
	return nil
}

func chatTurn(r *wire.Reader, q *question) {
	role, s := readTurn(r, chatContent)
	switch role {
	case "user":
		q.user(s)
	case "assistant":
		q.assistant(s)
	case "system", "developer":
		q.system(s)
	case "tool", "function":
		var answered said
		answered.result(s)
		q.user(answered)
	default:
		r.Fail("role %q is none of system, developer, user, assistant, tool", short(role, 40))
	}
}

func chatContent(r *wire.Reader, s *said) {
	if r.Kind() == '"' {
		s.text(r.Str())
		return
	}
	for range r.Elements() {
		for name := range r.Fields() {
			switch string(name) {
			case "text":
				s.text(r.Str())
			case "image_url":
				s.images++
			case "file":
				s.documents++
			}
		}
	}
}

// chatTool reads a tool. Only functions are called by the sandbox.
func chatTool(r *wire.Reader, q *question) {
	for name := range r.Fields() {
		if string(name) != "function" {
			continue
		}
		t, description := readTool(r, "parameters", (*wire.Reader).Raw)
		q.offer(t, description)
	}
}

// chatErrors are the types and codes OpenAI's errors have by status.
var chatErrors = map[int][2]string{
	http.StatusUnauthorized:    {"invalid_request_error", "invalid_api_key"},
	http.StatusNotFound:        {"invalid_request_error", "model_not_found"},
	http.StatusTooManyRequests: {"requests", "rate_limit_exceeded"},
}

func (chat) refuse(_ http.Header, f *failure, _ string) []byte {
	t, ok := chatErrors[f.status]
	switch {
	case ok:
	case f.status >= http.StatusInternalServerError:
		t[0] = "server_error"
	default:
		t[0] = "invalid_request_error"
	}
	w := wire.NewWriter(nil)
	chatError(w, t[0], t[1], f)
	return w.Bytes()
}

func chatError(w *wire.Writer, kind, code string, f *failure) {
	w.Object()
	w.Key("error")
	w.Object()
	w.StrField("message", f.msg)
	w.StrField("type", kind)
	orNull(w, "param", f.param)
	orNull(w, "code", code)
	w.EndObject()
	w.EndObject()
}

func orNull(w *wire.Writer, name, value string) {
	w.Key(name)
	if value == "" {
		w.Null()
	} else {
		w.Str(value)
	}
}

func (chat) whole(a *answer) []byte {
	w := wire.NewWriter(nil)
	w.Object()
	chatHead(w, a, "chat.completion")
	w.Key("choices")
	w.List()
	w.Object()
	w.IntField("index", 0)
	w.Key("message")
	chatMessage(w, a)
	w.Key("logprobs")
	w.Null()
	w.StrField("finish_reason", chatStop(a.stop))
	w.EndObject()
	w.EndList()
	chatUsage(w, a)
	w.EndObject()
	return w.Bytes()
}

func chatHead(w *wire.Writer, a *answer, object string) {
	w.StrField("id", "chatcmpl-"+a.id)
	w.StrField("object", object)
	w.IntField("created", created)
	w.StrField("model", a.model)
}

func chatMessage(w *wire.Writer, a *answer) {
	var thinking, text string
	calls := 0
	for _, p := range a.parts {
		switch p.kind {
		case kindThinking:
			thinking = p.text
		case kindText:
			text = p.text
		case kindCall:
			calls++
		}
	}
	refused := a.stop == stopRefusal
	w.Object()
	w.StrField("role", "assistant")
	w.Key("content")
	if refused || text == "" && calls > 0 {
		w.Null()
	} else {
		w.Str(text)
	}
	if thinking != "" {
		w.StrField("reasoning_content", thinking)
	}
	if refused {
		w.StrField("refusal", text)
	} else {
		orNull(w, "refusal", "")
	}
	if calls > 0 {
		w.Key("tool_calls")
		w.List()
		for i := range a.parts {
			if p := &a.parts[i]; p.kind == kindCall {
				w.Object()
				chatCall(w, a, p, p.text)
				w.EndObject()
			}
		}
		w.EndList()
	}
	w.EndObject()
}

func chatCall(w *wire.Writer, a *answer, p *part, arguments string) {
	w.StrField("id", a.callID("call_", p))
	w.StrField("type", "function")
	w.Key("function")
	w.Object()
	w.StrField("name", p.name)
	w.StrField("arguments", arguments)
	w.EndObject()
}

func chatStop(stop string) string {
	switch stop {
	case stopLength:
		return "length"
	case stopTool:
		return "tool_calls"
	case stopRefusal:
		return "content_filter"
	}
	return "stop"
}

func chatUsage(w *wire.Writer, a *answer) {
	w.Key("usage")
	w.Object()
	w.IntField("prompt_tokens", a.input)
	w.IntField("completion_tokens", a.output)
	w.IntField("total_tokens", a.input+a.output)
	w.Key("prompt_tokens_details")
	w.Object()
	w.IntField("cached_tokens", 0)
	w.EndObject()
	w.Key("completion_tokens_details")
	w.Object()
	w.IntField("reasoning_tokens", a.reasoning)
	w.EndObject()
	w.EndObject()
}

// chatVoice streams a chat completion.
type chatVoice struct {
	a    *answer
	head []byte // of every chunk, up to its delta's members
}

func newChatVoice(a *answer) *chatVoice {
	w := wire.NewWriter(nil)
	w.Object()
	chatHead(w, a, "chat.completion.chunk")
	w.Key("choices")
	w.List()
	w.Object()
	w.IntField("index", 0)
	w.Key("delta")
	w.Object()
	return &chatVoice{a: a, head: w.Bytes()}
}

// chunk appends one chunk whose delta is written by the function given.
func (v *chatVoice) chunk(dst []byte, finish string, delta func(w *wire.Writer)) []byte {
	w := openEvent(dst, "")
	w.Raw(v.head)
	delta(w)
	w.EndObject()
	w.Key("logprobs")
	w.Null()
	orNull(w, "finish_reason", finish)
	w.EndObject()
	w.EndList()
	if v.a.usage {
		w.Key("usage")
		w.Null()
	}
	w.EndObject()
	return closeEvent(w)
}

func (v *chatVoice) open(dst []byte) []byte {
	return v.chunk(dst, "", func(w *wire.Writer) {
		w.StrField("role", "assistant")
		w.StrField("content", "")
	})
}

func (v *chatVoice) begin(dst []byte, p *part) []byte {
	if p.kind != kindCall {
		return dst
	}
	return v.chunk(dst, "", func(w *wire.Writer) {
		w.Key("tool_calls")
		w.List()
		w.Object()
		w.IntField("index", int64(p.call))
		chatCall(w, v.a, p, "")
		w.EndObject()
		w.EndList()
	})
}

func (v *chatVoice) piece(dst []byte, p *part, s string) []byte {
	return v.chunk(dst, "", func(w *wire.Writer) {
		switch {
		case p.kind == kindThinking:
			w.StrField("reasoning_content", s)
		case p.kind == kindCall:
			w.Key("tool_calls")
			w.List()
			w.Object()
			w.IntField("index", int64(p.call))
			w.Key("function")
			w.Object()
			w.StrField("arguments", s)
			w.EndObject()
			w.EndObject()
			w.EndList()
		case v.a.stop == stopRefusal:
			w.StrField("refusal", s)
		default:
			w.StrField("content", s)
		}
	})
}

func (v *chatVoice) end(dst []byte, _ *part) []byte { return dst }

func (v *chatVoice) finish(dst []byte) []byte {
	dst = v.chunk(dst, chatStop(v.a.stop), func(*wire.Writer) {})
	if v.a.usage {
		w := openEvent(dst, "")
		w.Object()
		chatHead(w, v.a, "chat.completion.chunk")
		w.Key("choices")
		w.List()
		w.EndList()
		chatUsage(w, v.a)
		w.EndObject()
		dst = closeEvent(w)
	}
	return wire.AppendSSE(dst, "", []byte("[DONE]"))
}

func (v *chatVoice) fault(dst []byte) []byte {
	w := openEvent(dst, "")
	chatError(w, "server_error", "", &failure{msg: faultText})
	return closeEvent(w)
}

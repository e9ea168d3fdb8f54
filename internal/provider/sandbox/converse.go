package sandbox

import (
	"net/http"

	"turnpike/internal/wire"
)

// converse is Bedrock's Converse and ConverseStream, after the Bedrock Runtime
// API reference.
type converse struct{}

func (converse) streamType() string    { return "application/vnd.amazon.eventstream" }
func (converse) idHeader() string      { return "X-Amzn-Requestid" }
func (converse) voice(a *answer) voice { return &converseVoice{a: a} }

// read leaves the model and the streaming alone: they stand in the path.
func (converse) read(body []byte, q *question) error {
	turns := 0
	err := readObject(body, func(r *wire.Reader, name string) {
		switch name {
		case "system":
			var s said
			converseContent(r, &s)
			q.system(s)
		case "messages":
			for range r.Elements() {
				turns++
				converseTurn(r, q)
			}
		case "toolConfig":
			for name := range r.Fields() {
				if string(name) == "tools" {
					for range r.Elements() {
						converseTool(r, q)
					}
				}
			}
		}
	})
	if err == nil && turns == 0 {
		err = invalid("messages", "A conversation must start with a user message. Try again with a conversation that starts with a user message.")
	}
	return err
}

func converseTurn(r *wire.Reader, q *question) {
	role, s := readTurn(r, converseContent)
	switch role {
	case "user":
		q.user(s)
	case "assistant":
		q.assistant(s)
	default:
		r.Fail("role %q is none of user, assistant", short(role, 40))
	}
}

// converseContent reads blocks, each an object with one member that names it.
func converseContent(r *wire.Reader, s *said) {
	for range r.Elements() {
		for name := range r.Fields() {
			switch string(name) {
			case "text":
				s.text(r.Str())
			case "json": // in a tool's result
				s.text(string(r.Raw()))
			case "image":
				s.images++
			case "document":
				s.documents++
			case "toolResult":
				var inner said
				for name := range r.Fields() {
					if string(name) == "content" {
						converseContent(r, &inner)
					}
				}
				s.result(inner)
			}
		}
	}
}

func converseTool(r *wire.Reader, q *question) {
	for name := range r.Fields() {
		if string(name) != "toolSpec" {
			continue
		}
		t, description := readTool(r, "inputSchema", converseSchema)
		q.offer(t, description)
	}
}

// converseSchema is the schema inside a tool's inputSchema.
func converseSchema(r *wire.Reader) (schema []byte) {
	for name := range r.Fields() {
		if string(name) == "json" {
			schema = r.Raw()
		}
	}
	return schema
}

// converseErrors are the exceptions by status.
var converseErrors = map[int]string{
	http.StatusUnauthorized:        "UnrecognizedClientException",
	http.StatusForbidden:           "AccessDeniedException",
	http.StatusNotFound:            "ResourceNotFoundException",
	http.StatusRequestTimeout:      "ModelTimeoutException",
	http.StatusFailedDependency:    "ModelErrorException",
	http.StatusTooManyRequests:     "ThrottlingException",
	http.StatusServiceUnavailable:  "ServiceUnavailableException",
	http.StatusInternalServerError: "InternalServerException",
	statusOverloaded:               "ServiceUnavailableException",
}

func (converse) refuse(h http.Header, f *failure, _ string) []byte {
	t := converseErrors[f.status]
	switch {
	case t != "":
	case f.status >= http.StatusInternalServerError:
		t = "InternalServerException"
	default:
		t = "ValidationException"
	}
	h.Set("X-Amzn-Errortype", t)
	return converseMessage(f.msg)
}

func converseMessage(msg string) []byte {
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("message", msg)
	w.EndObject()
	return w.Bytes()
}

func (converse) whole(a *answer) []byte {
	w := wire.NewWriter(nil)
	w.Object()
	w.Key("output")
	w.Object()
	w.Key("message")
	w.Object()
	w.StrField("role", "assistant")
	w.Key("content")
	w.List()
	for i := range a.parts {
		converseBlock(w, a, &a.parts[i])
	}
	w.EndList()
	w.EndObject()
	w.EndObject()
	w.StrField("stopReason", converseStop(a.stop))
	converseUsage(w, a)
	w.EndObject()
	return w.Bytes()
}

func converseBlock(w *wire.Writer, a *answer, p *part) {
	w.Object()
	switch p.kind {
	case kindThinking:
		w.Key("reasoningContent")
		w.Object()
		w.Key("reasoningText")
		w.Object()
		w.StrField("text", p.text)
		w.StrField("signature", a.signature())
		w.EndObject()
		w.EndObject()
	case kindText:
		w.StrField("text", p.text)
	case kindCall:
		w.Key("toolUse")
		w.Object()
		w.StrField("toolUseId", a.callID("tooluse_", p))
		w.StrField("name", p.name)
		w.RawField("input", []byte(p.text))
		w.EndObject()
	}
	w.EndObject()
}

func converseStop(stop string) string {
	switch stop {
	case stopLength:
		return "max_tokens"
	case stopTool:
		return "tool_use"
	case stopRefusal:
		return "content_filtered"
	}
	return "end_turn"
}

func converseUsage(w *wire.Writer, a *answer) {
	w.Key("usage")
	w.Object()
	w.IntField("inputTokens", a.input)
	w.IntField("outputTokens", a.output)
	w.IntField("totalTokens", a.input+a.output)
	w.IntField("cacheReadInputTokens", 0)
	w.IntField("cacheWriteInputTokens", 0)
	w.EndObject()
	w.Key("metrics")
	w.Object()
	w.IntField("latencyMs", 1)
	w.EndObject()
}

// converseVoice streams by messages of the AWS event stream.
type converseVoice struct {
	a       *answer
	payload []byte
}

func (v *converseVoice) event(dst []byte, name string, members func(w *wire.Writer)) []byte {
	w := wire.NewWriter(v.payload[:0])
	w.Object()
	members(w)
	w.EndObject()
	v.payload = w.Bytes()
	return wire.AppendEventStream(dst, v.payload,
		":event-type", name, ":content-type", "application/json", ":message-type", "event")
}

func (v *converseVoice) open(dst []byte) []byte {
	return v.event(dst, "messageStart", func(w *wire.Writer) { w.StrField("role", "assistant") })
}

// begin announces calls only: Converse has no start for text and reasoning.
func (v *converseVoice) begin(dst []byte, p *part) []byte {
	if p.kind != kindCall {
		return dst
	}
	return v.event(dst, "contentBlockStart", func(w *wire.Writer) {
		w.IntField("contentBlockIndex", int64(p.index))
		w.Key("start")
		w.Object()
		w.Key("toolUse")
		w.Object()
		w.StrField("toolUseId", v.a.callID("tooluse_", p))
		w.StrField("name", p.name)
		w.EndObject()
		w.EndObject()
	})
}

func (v *converseVoice) piece(dst []byte, p *part, s string) []byte {
	switch p.kind {
	case kindThinking:
		return v.delta(dst, p, "reasoningContent", "text", s)
	case kindCall:
		return v.delta(dst, p, "toolUse", "input", s)
	default:
		return v.delta(dst, p, "", "text", s)
	}
}

// delta writes a member of the delta, or of an object inside it.
func (v *converseVoice) delta(dst []byte, p *part, inside, member, s string) []byte {
	return v.event(dst, "contentBlockDelta", func(w *wire.Writer) {
		w.IntField("contentBlockIndex", int64(p.index))
		w.Key("delta")
		w.Object()
		if inside == "" {
			w.StrField(member, s)
		} else {
			w.Key(inside)
			w.Object()
			w.StrField(member, s)
			w.EndObject()
		}
		w.EndObject()
	})
}

func (v *converseVoice) end(dst []byte, p *part) []byte {
	if p.kind == kindThinking {
		dst = v.delta(dst, p, "reasoningContent", "signature", v.a.signature())
	}
	return v.event(dst, "contentBlockStop", func(w *wire.Writer) { w.IntField("contentBlockIndex", int64(p.index)) })
}

func (v *converseVoice) finish(dst []byte) []byte {
	dst = v.event(dst, "messageStop", func(w *wire.Writer) { w.StrField("stopReason", converseStop(v.a.stop)) })
	return v.event(dst, "metadata", func(w *wire.Writer) { converseUsage(w, v.a) })
}

func (v *converseVoice) fault(dst []byte) []byte {
	return wire.AppendEventStream(dst, converseMessage(faultText),
		":exception-type", "modelStreamErrorException", ":content-type", "application/json", ":message-type", "exception")
}

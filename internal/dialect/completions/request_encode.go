package completions

import (
	"net/http"
	"strings"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// promptOf is all the text of a conversation.
func promptOf(req *llm.Request) string {
	var texts []string
	for _, t := range req.Turns {
		for _, p := range t.Parts {
			if text, ok := p.(*llm.Text); ok {
				texts = append(texts, text.Text)
			}
		}
	}
	return strings.Join(texts, "\n\n")
}

// EncodeRequest makes the body for a target. It is the way of this API's own
// clients whose body cannot pass; a conversation becomes one text.
func (Dialect) EncodeRequest(req *llm.Request, t *llm.Target) ([]byte, []llm.Loss, error) {
	var losses []llm.Loss
	lose := func(path, reason string) { losses = llm.AddLoss(losses, path, reason) }
	w := wire.NewWriter(make([]byte, 0, openai.Size(req)))
	w.Object()
	w.StrField("model", t.Model)
	w.StrField("prompt", promptOf(req))
	if req.Echo != "" {
		w.BoolField("echo", true)
	}
	if t.Stream {
		w.BoolField("stream", true)
		w.RawField("stream_options", usageOptions)
	}
	if req.MaxTokens != nil {
		w.IntField("max_tokens", *req.MaxTokens)
	}
	openai.WriteSampling(w, req.Temperature, req.TopP)
	if req.TopK != nil {
		w.IntField("top_k", *req.TopK)
	}
	if len(req.Stop) > 0 {
		w.Key("stop")
		w.List()
		for _, s := range req.Stop {
			w.Str(s)
		}
		w.EndList()
	}
	if req.User != "" {
		w.StrField("user", req.User)
	}
	for _, x := range req.Extra {
		if x.Dialect == Name || x.Dialect == "chat" && !x.Bookkeeping {
			w.RawField(x.Name, x.Raw)
		} else if !x.Bookkeeping {
			lose(x.Name, "no such setting in completions")
		}
	}
	if len(req.System) > 0 || len(req.Tools) > 0 || req.Format != nil || req.Thinking.Wanted() {
		lose("messages", "completions takes a text and nothing else")
	}
	w.EndObject()
	body := llm.Regrow(w.Bytes(), req.Odd, Name, "request", lose)
	return body, losses, nil
}

var (
	usageOptions = []byte(`{"include_usage":true}`)
	jsonTrue     = []byte("true")
)

// Pass lets a body through to a server of the same API: the model's name there,
// and usage asked for at the end of every stream, since it must be accounted for.
func (Dialect) Pass(body wire.Object, _ http.Header, t *llm.Target) ([]wire.Edit, []llm.Loss, bool) {
	var edits []wire.Edit
	if v := body.Get("model"); len(v) != len(t.Model)+2 || string(v[1:len(v)-1]) != t.Model {
		edits = append(edits, wire.Edit{Name: "model", Value: wire.AppendString(nil, t.Model)})
	}
	if t.Stream && !(Dialect{}).AsksUsage(body) {
		options := usageOptions
		if o, err := wire.ParseObject(body.Get("stream_options")); err == nil {
			options = o.Apply(wire.Edit{Name: "include_usage", Value: jsonTrue})
		}
		edits = append(edits, wire.Edit{Name: "stream_options", Value: options})
	}
	return edits, nil, true
}

// AsksUsage tells whether the client wants the usage chunk itself.
func (Dialect) AsksUsage(body wire.Object) bool {
	o, err := wire.ParseObject(body.Get("stream_options"))
	if err != nil {
		return false
	}
	asks, err := o.Bool("include_usage")
	return err == nil && asks
}

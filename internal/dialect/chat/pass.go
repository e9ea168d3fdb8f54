package chat

import (
	"net/http"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

var (
	_ llm.Passer = Dialect{}

	jsonTrue     = []byte("true")
	usageOptions = []byte(`{"include_usage":true}`)
)

// Pass lets a body through to a server of the same API: the model's name there,
// and usage asked for at the end of every stream, since it must be accounted for.
func (Dialect) Pass(body wire.Object, _ http.Header, t *llm.Target) ([]wire.Edit, []llm.Loss, bool) {
	edits := make([]wire.Edit, 0, 2)
	if v := body.Get("model"); len(v) != len(t.Model)+2 || string(v[1:len(v)-1]) != t.Model {
		edits = append(edits, wire.Edit{Name: "model", Value: wire.AppendString(nil, t.Model)})
	}
	if t.Stream && !(Dialect{}).AsksUsage(body) {
		edits = append(edits, wire.Edit{Name: "stream_options", Value: withUsage(body.Get("stream_options"))})
	}
	if t.Compat {
		return edits, nil, true
	}
	edits, losses := adapt(body, &t.Caps, edits)
	return edits, losses, true
}

func withUsage(options []byte) []byte {
	o, err := wire.ParseObject(options)
	if err != nil {
		return usageOptions
	}
	return o.Apply(wire.Edit{Name: "include_usage", Value: jsonTrue})
}

// AsksUsage tells whether the client wants the usage chunk itself.
func (Dialect) AsksUsage(body wire.Object) bool {
	v := body.Get("stream_options")
	if v == nil || v[0] != '{' {
		return false
	}
	asks := false
	r := wire.NewReader(v)
	for name := range r.Fields() {
		if string(name) == "include_usage" && (r.Kind() == 't' || r.Kind() == 'f') {
			asks = r.Bool()
		}
	}
	return asks
}

package responses

import (
	"net/http"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Pass lets a body through to a server of the same API with the model's name there.
func (Dialect) Pass(body wire.Object, _ http.Header, t *llm.Target) ([]wire.Edit, []llm.Loss, bool) {
	var edits []wire.Edit
	if v := body.Get("model"); len(v) != len(t.Model)+2 || string(v[1:len(v)-1]) != t.Model {
		edits = append(edits, wire.Edit{Name: "model", Value: wire.AppendString(nil, t.Model)})
	}
	if t.Narrow != nil && t.Narrow.Forgets && string(body.Get("store")) != "false" {
		edits = append(edits, wire.Edit{Name: "store", Value: []byte("false")}) // the gateway keeps the answer itself
	}
	if t.Compat {
		return edits, nil, true
	}
	edits, losses := adapt(body, &t.Caps, edits)
	return edits, losses, true
}

// AsksUsage is true: Responses streams always tell their usage.
func (Dialect) AsksUsage(wire.Object) bool { return true }

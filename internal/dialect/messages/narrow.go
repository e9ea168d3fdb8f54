package messages

import (
	"net/http"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// passNarrow lets a body through to a server that copies this API without Anthropic's
// own tools and newer members. What it does not take is left out and named.
func passNarrow(body wire.Object, h http.Header, t *llm.Target) ([]wire.Edit, []llm.Loss, bool) {
	if hasServerTools(body.Get("tools")) {
		return nil, nil, false
	}
	n := t.Narrow
	betas, lost := n.Flags(h["Anthropic-Beta"])
	var losses []llm.Loss
	if v := h.Get("Anthropic-Version"); v != "" && v != n.Version {
		losses = llm.AddLoss(losses, "anthropic-version: "+clip(v), n.Name+" speaks "+n.Version)
	}
	for _, b := range lost {
		losses = llm.AddLoss(losses, "anthropic-beta: "+clip(b), n.Name+" takes no such flag")
	}
	kept := &encoder{betas: betas, t: t}
	if !toolsFit(body.Get("tools"), kept) {
		return nil, nil, false
	}
	edits := make([]wire.Edit, 0, 4)
	for _, m := range body.Members() {
		name := string(m.Name)
		switch {
		case name == "model", n.Takes(name) && (name != "context_management" || kept.hasBeta(contextBetas...)):
		default:
			losses = llm.AddLoss(losses, name, n.Name+" takes no such member")
			edits = append(edits, wire.Edit{Name: name})
		}
	}
	edits = append(edits, wire.Edit{Name: "model", Value: wire.AppendString(nil, t.Model)})
	if t.Stream && body.Get("stream") == nil {
		edits = append(edits, wire.Edit{Name: "stream", Value: []byte("true")})
	}
	edits, losses = adapt(body, &t.Caps, betas, edits, losses)
	return edits, losses, true
}

// upstream names who takes less than Anthropic does.
func (e *encoder) upstream() string {
	if e.t.Narrow != nil {
		return e.t.Narrow.Name
	}
	return "Bedrock"
}

// narrowBetas keeps the flags that the server takes; they travel in a header.
func (e *encoder) narrowBetas() {
	kept, lost := e.t.Narrow.Flags(e.req.Betas)
	for _, b := range lost {
		e.lose("anthropic-beta: "+clip(b), e.t.Narrow.Name+" takes no such flag")
	}
	e.betas = kept
}

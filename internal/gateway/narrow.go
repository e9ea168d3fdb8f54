package gateway

import (
	"net/http"
	"slices"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/provider"
)

// narrow keeps of the headers that go on what an upstream takes that takes less than
// the vendor of its API, and adds those of the client's that mean something there.
func (x *exchange) narrow(out http.Header) {
	n := x.surface.Narrow
	for _, name := range n.Forward {
		if v := x.r.Header[name]; len(v) > 0 {
			out[name] = v
		}
	}
	if lines := out["Anthropic-Beta"]; lines != nil {
		delete(out, "Anthropic-Beta")
		if kept, _ := n.Flags(lines); len(kept) > 0 { // the others are named with the body's losses
			out["Anthropic-Beta"] = []string{strings.Join(kept, ",")}
		}
	}
}

// forgets tells whether the upstream keeps no answers a client could go on from.
func (x *exchange) forgets() bool { return x.surface.Narrow != nil && x.surface.Narrow.Forgets }

// speaker tells who spoke last in a request that was decoded. Results of tools come in
// the user's name and are not the user's.
func (x *exchange) speaker() string {
	if x.lane != laneTranslate {
		return ""
	}
	for _, t := range slices.Backward(x.request.Turns) {
		switch {
		case t.Role == llm.System:
		case t.Role == llm.Assistant || slices.ContainsFunc(t.Parts, func(p llm.Part) bool { _, ok := p.(*llm.ToolResult); return ok }):
			return provider.SpokeAgent
		default:
			return provider.SpokeUser
		}
	}
	return ""
}

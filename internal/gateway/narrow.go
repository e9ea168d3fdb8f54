package gateway

import (
	"net/http"
	"strings"

	"turnpike/internal/llm"
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

// answersTools tells whether a request that was decoded ends with results of tools.
func (x *exchange) answersTools() bool {
	if x.lane != laneTranslate || len(x.request.Turns) == 0 {
		return false
	}
	for _, p := range x.request.Turns[len(x.request.Turns)-1].Parts {
		if _, ok := p.(*llm.ToolResult); ok {
			return true
		}
	}
	return false
}

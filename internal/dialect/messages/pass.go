package messages

import (
	"bytes"
	"net/http"
	"slices"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

var _ llm.Passer = Dialect{}

// bedrockVersion is the anthropic_version of InvokeModel bodies (Bedrock user
// guide: Anthropic Claude Messages API).
const bedrockVersion = "bedrock-2023-05-31"

// invokeMembers are what InvokeModel takes of a Messages body; others are refused
// there ("Extra inputs are not permitted").
var invokeMembers = []string{
	"anthropic_version", "anthropic_beta", "max_tokens", "messages", "system", "stop_sequences", "temperature",
	"top_p", "top_k", "tools", "tool_choice", "thinking", "output_config", "context_management", "metadata",
}

// Pass lets a body through to Claude: to Anthropic with the model's name there,
// to InvokeModel with the members moved that go by path and header elsewhere.
func (Dialect) Pass(body wire.Object, h http.Header, t *llm.Target) ([]wire.Edit, []llm.Loss, bool) {
	if t.Bedrock {
		return passInvoke(body, h, t)
	}
	if body.Get("anthropic_beta") != nil { // they go by header here
		return nil, nil, false
	}
	if t.Vertex {
		return passVertex(body, t)
	}
	if t.Narrow != nil {
		return passNarrow(body, h, t)
	}
	edits := make([]wire.Edit, 0, 3)
	if v := body.Get("model"); len(v) != len(t.Model)+2 || string(v[1:len(v)-1]) != t.Model {
		edits = append(edits, wire.Edit{Name: "model", Value: wire.AppendString(nil, t.Model)})
	}
	if t.Stream && body.Get("stream") == nil {
		edits = append(edits, wire.Edit{Name: "stream", Value: []byte("true")})
	}
	if bytes.HasPrefix(body.Get("anthropic_version"), []byte(`"bedrock-`)) { // it came by Bedrock's path
		edits = append(edits, wire.Edit{Name: "anthropic_version"})
	}
	edits, losses := adapt(body, &t.Caps, h["Anthropic-Beta"], edits, nil)
	return edits, losses, true
}

// AsksUsage is true: Messages streams always tell their usage.
func (Dialect) AsksUsage(wire.Object) bool { return true }

// vertexVersion is the anthropic_version of bodies at Vertex AI (Anthropic: Claude
// on Vertex AI).
const vertexVersion = "vertex-2023-10-16"

// passVertex lets a body through to Claude at Vertex AI: the path names the model,
// the body the version.
func passVertex(body wire.Object, t *llm.Target) ([]wire.Edit, []llm.Loss, bool) {
	if hasURLSource(body.Get("messages")) {
		return nil, nil, false
	}
	edits := append(make([]wire.Edit, 0, 3), wire.Edit{Name: "anthropic_version", Value: wire.AppendString(nil, vertexVersion)})
	if body.Get("model") != nil {
		edits = append(edits, wire.Edit{Name: "model"})
	}
	if t.Stream && body.Get("stream") == nil {
		edits = append(edits, wire.Edit{Name: "stream", Value: []byte("true")})
	}
	return edits, nil, true
}

func passInvoke(body wire.Object, h http.Header, t *llm.Target) ([]wire.Edit, []llm.Loss, bool) {
	if hasServerTools(body.Get("tools")) || !t.Caps.MidSystem && hasSystemTurn(body.Get("messages")) || hasURLSource(body.Get("messages")) {
		return nil, nil, false
	}
	betas, err := bodyBetas(body)
	if err != nil {
		return nil, nil, false
	}
	kept := &encoder{req: &llm.Request{Betas: unionBetas(h["Anthropic-Beta"], betas)}, t: t}
	kept.filterBetas()
	if !toolsFit(body.Get("tools"), kept) {
		return nil, nil, false
	}
	losses := kept.losses
	edits := make([]wire.Edit, 0, 6)
	for _, m := range body.Members() {
		name := string(m.Name)
		if slices.Contains(invokeMembers, name) && (name != "context_management" || kept.hasBeta(contextBetas...)) {
			continue
		}
		edits = append(edits, wire.Edit{Name: name})
		if name != "model" && name != "stream" && name != "betas" {
			losses = llm.AddLoss(losses, name, "InvokeModel takes no such member")
		}
	}
	if body.Get("anthropic_version") == nil {
		edits = append(edits, wire.Edit{Name: "anthropic_version", Value: wire.AppendString(nil, bedrockVersion)})
	}
	switch {
	case len(kept.betas) > 0:
		edits = append(edits, wire.Edit{Name: "anthropic_beta", Value: stringList(kept.betas)})
	case body.Get("anthropic_beta") != nil:
		edits = append(edits, wire.Edit{Name: "anthropic_beta"})
	}
	edits, losses = adapt(body, &t.Caps, kept.betas, edits, losses)
	return edits, losses, true
}

func stringList(list []string) []byte {
	w := wire.NewWriter(nil)
	w.List()
	for _, s := range list {
		w.Str(s)
	}
	w.EndList()
	return w.Bytes()
}

// bodyBetas reads the beta flags that some clients put into the body.
func bodyBetas(body wire.Object) ([]string, error) {
	var out []string
	for _, name := range []string{"anthropic_beta", "betas"} {
		v := body.Get(name)
		if v == nil {
			continue
		}
		r := wire.NewReader(v)
		for range r.Elements() {
			out = append(out, r.Str())
		}
		if err := r.End(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// contextBetas are the flags without which context_management is refused.
var contextBetas = []string{"context-management-", "compact-"}

// toolsFit tells whether the tools carry nothing that InvokeModel, or a server that
// copies the API, refuses: a member whose beta flag does not go along (HDR-03).
func toolsFit(tools []byte, kept *encoder) bool {
	if tools == nil {
		return true
	}
	fits := true
	r := wire.NewReader(tools)
	for range r.Elements() {
		if r.Kind() != '{' {
			continue
		}
		for name := range r.Fields() {
			switch string(name) {
			case "eager_input_streaming":
				fits = false
			case "defer_loading", "allowed_callers", "input_examples":
				fits = fits && kept.hasBeta("tool-search-tool-", "advanced-tool-use-")
			}
		}
	}
	return fits
}

// hasServerTools tells whether a tool is offered that the provider would run.
func hasServerTools(tools []byte) bool {
	return anyMember(tools, "type", func(v []byte) bool { return string(v) != "custom" })
}

// hasSystemTurn tells whether the list of messages holds a system turn.
func hasSystemTurn(messages []byte) bool {
	return anyMember(messages, "role", func(v []byte) bool { return string(v) == "system" })
}

// anyMember looks at one string member of every object of a list.
func anyMember(list []byte, name string, is func([]byte) bool) bool {
	if list == nil {
		return false
	}
	r := wire.NewReader(list)
	found := false
	for range r.Elements() {
		if r.Kind() != '{' {
			continue
		}
		for n := range r.Fields() {
			if string(n) == name && r.Kind() == '"' && is(r.Bytes()) {
				found = true
			}
		}
	}
	return found
}

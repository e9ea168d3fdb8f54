package messages

import (
	"net/http"
	"slices"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

var _ llm.Passer = Dialect{}

// bedrockVersion is the anthropic_version of InvokeModel bodies (Bedrock user
// guide: Anthropic Claude Messages API).
const bedrockVersion = "bedrock-2023-05-31"

// invokeMembers are what InvokeModel takes of a Messages body; others are refused
// there ("Extra inputs are not permitted").
var invokeMembers = []string{"anthropic_version", "anthropic_beta", "max_tokens", "messages", "system", "stop_sequences", "temperature",
	"top_p", "top_k", "tools", "tool_choice", "thinking", "output_config", "context_management", "metadata"}

// Pass lets a body through to Claude: to Anthropic with the model's name there,
// to InvokeModel with the members moved that go by path and header elsewhere.
func (Dialect) Pass(body wire.Object, h http.Header, t *llm.Target) ([]wire.Edit, []llm.Loss, bool) {
	if t.Bedrock {
		return passInvoke(body, h, t)
	}
	if v := body.Get("model"); len(v) == len(t.Model)+2 && string(v[1:len(v)-1]) == t.Model {
		return nil, nil, true
	}
	return []wire.Edit{{Name: "model", Value: wire.AppendString(nil, t.Model)}}, nil, true
}

// AsksUsage is true: Messages streams always tell their usage.
func (Dialect) AsksUsage(wire.Object) bool { return true }

func passInvoke(body wire.Object, h http.Header, t *llm.Target) ([]wire.Edit, []llm.Loss, bool) {
	if hasServerTools(body.Get("tools")) || !t.Caps.MidSystem && hasSystemTurn(body.Get("messages")) {
		return nil, nil, false
	}
	var losses []llm.Loss
	edits := make([]wire.Edit, 0, 6)
	for _, m := range body.Members() {
		name := string(m.Name)
		if slices.Contains(invokeMembers, name) {
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
	betas, err := bodyBetas(body)
	if err != nil {
		return nil, nil, false
	}
	kept := &encoder{req: &llm.Request{Betas: append(headerBetas(h), betas...)}, t: t}
	kept.filterBetas()
	for _, l := range kept.losses {
		losses = llm.AddLoss(losses, l.Path, l.Reason)
	}
	switch {
	case len(kept.betas) > 0:
		edits = append(edits, wire.Edit{Name: "anthropic_beta", Value: stringList(kept.betas)})
	case body.Get("anthropic_beta") != nil:
		edits = append(edits, wire.Edit{Name: "anthropic_beta"})
	}
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

// headerBetas reads the beta flags of all anthropic-beta headers.
func headerBetas(h http.Header) []string {
	var out []string
	for _, v := range h["Anthropic-Beta"] {
		for b := range strings.SplitSeq(v, ",") {
			if b = strings.TrimSpace(b); b != "" {
				out = append(out, b)
			}
		}
	}
	return out
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

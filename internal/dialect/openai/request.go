package openai

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// userLimit is how long OpenAI lets the name of a user be.
const userLimit = 64

// WriteIdentity writes who asks and how urgently. lose is told what is changed.
func WriteIdentity(w *wire.Writer, req *llm.Request, t *llm.Target, lose func(path, reason string)) {
	if user := req.User; user != "" {
		if len(user) > userLimit && !t.Compat {
			sum := sha256.Sum256([]byte(user))
			user = hex.EncodeToString(sum[:16]) // the same user, always; no model sees the name, so nothing is lost
		}
		w.StrField("user", user)
	}
	switch tier := req.Tier; tier {
	case "":
	case "auto", "default", "flex", "priority", "scale":
		w.StrField("service_tier", tier)
	case "standard_only":
		w.StrField("service_tier", "default")
	default:
		lose("service_tier", "OpenAI has no tier of this name")
	}
}

// WriteSampling writes what is left of the settings of chance.
func WriteSampling(w *wire.Writer, temperature, topP *float64) {
	if temperature != nil {
		w.Key("temperature")
		w.Float(*temperature)
	}
	if topP != nil {
		w.Key("top_p")
		w.Float(*topP)
	}
}

// Size guesses the length of a request's body, so that a long one is not copied
// over and over while it grows.
func Size(req *llm.Request) int {
	n := 1 << 10
	n += sizeOf(req.System)
	for _, t := range req.Turns {
		n += 64 + sizeOf(t.Parts)
	}
	for i := range req.Tools {
		n += 128 + len(req.Tools[i].Description)*9/8 + len(req.Tools[i].Schema)
	}
	return n
}

func sizeOf(parts []llm.Part) int {
	n := 0
	for _, p := range parts {
		n += 96
		switch p := p.(type) {
		case *llm.Text:
			n += len(p.Text) * 9 / 8 // line ends take two bytes
		case *llm.Media:
			n += len(p.Data) + len(p.Text)
		case *llm.Thinking:
			n += len(p.Text) + len(p.Signature)
		case *llm.ToolCall:
			n += len(p.Input) * 5 / 4
		case *llm.ToolResult:
			n += sizeOf(p.Parts)
		case *llm.Native:
			n += len(p.Raw)
		case *llm.Refusal:
		}
	}
	return n
}

// Extra is a setting that only the named dialect knows; nil for none.
func Extra(req *llm.Request, dialect, name string) []byte {
	for _, x := range req.Extra {
		if x.Dialect == dialect && x.Name == name {
			return x.Raw
		}
	}
	return nil
}

// HasCall tells whether a turn calls a tool.
func HasCall(t llm.Turn) bool {
	return slices.ContainsFunc(t.Parts, func(p llm.Part) bool { _, ok := p.(*llm.ToolCall); return ok })
}

// Order goes through turns by OpenAI's rule: what the model said and called in a run of
// turns, then the answers to its calls, and only then what else is said. at is where
// the turns begin.
func Order[C any](turns []llm.Turn, said func(at int, turns []llm.Turn) []C, answered func(at int, turns []llm.Turn, calls []C), other func(at int, t llm.Turn)) {
	for i := 0; i < len(turns); {
		var calls []C
		if turns[i].Role == llm.Assistant {
			end := i + RunOf(turns[i:], func(t llm.Turn) bool { return t.Role == llm.Assistant })
			calls = said(i, turns[i:end])
			i = end
		}
		end := i + RunOf(turns[i:], func(t llm.Turn) bool { return t.Role != llm.Assistant })
		answered(i, turns[i:end], calls)
		for k, t := range turns[i:end] {
			other(i+k, t)
		}
		i = end
	}
}

// RunOf is the length of the run of turns at the start that are as wanted.
func RunOf(turns []llm.Turn, wanted func(llm.Turn) bool) int {
	if n := slices.IndexFunc(turns, func(t llm.Turn) bool { return !wanted(t) }); n >= 0 {
		return n
	}
	return len(turns)
}

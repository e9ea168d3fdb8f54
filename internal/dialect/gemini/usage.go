package gemini

import (
	"bytes"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// tokens is the last usageMetadata that told a count. Each one counts everything
// so far, so the last one stands as a whole; it is read when it is asked for.
type tokens struct{ raw []byte }

// keep takes the next one.
func (t *tokens) keep(r *wire.Reader) {
	if raw := r.Raw(); bytes.Contains(raw, []byte(`TokenCount"`)) {
		t.raw = append(t.raw[:0], raw...)
	}
}

// read is what was counted. promptTokenCount includes what came from the cache
// but not what tools added; thoughts are counted beside the candidates (API
// reference, UsageMetadata).
func (t *tokens) read() llm.Usage {
	var prompt, tools, cached, candidates, thoughts int64
	known := false
	r := wire.NewReader(t.raw)
	if r.Kind() != '{' {
		return llm.Usage{}
	}
	for name := range r.Fields() {
		var to *int64
		switch string(name) {
		case "promptTokenCount":
			to = &prompt
		case "toolUsePromptTokenCount":
			to = &tools
		case "cachedContentTokenCount":
			to = &cached
		case "candidatesTokenCount":
			to = &candidates
		case "thoughtsTokenCount":
			to = &thoughts
		default:
			continue
		}
		*to, known = llm.Clamp(r.Int()), true
	}
	if !known {
		return llm.Usage{}
	}
	prompt += tools
	cached = min(cached, prompt)
	return llm.Usage{
		Known: true, Input: prompt - cached, CacheRead: cached,
		Output: candidates + thoughts, Reasoning: thoughts, Tier: llm.TierOf([]byte(t.tier())),
	}
}

// tier is the service tier that answered.
func (t *tokens) tier() string { return strings.ToLower(memberText(t.raw, "serviceTier")) }

// writeUsage writes usageMetadata. What was written to a cache is part of the
// prompt, for which Gemini has no word.
func writeUsage(w *wire.Writer, u llm.Usage) {
	w.Object()
	w.IntField("promptTokenCount", u.Prompt())
	w.IntField("candidatesTokenCount", u.Output-min(u.Reasoning, u.Output))
	w.IntField("totalTokenCount", u.Prompt()+u.Output)
	if u.CacheRead > 0 {
		w.IntField("cachedContentTokenCount", u.CacheRead)
	}
	if u.Reasoning > 0 {
		w.IntField("thoughtsTokenCount", min(u.Reasoning, u.Output))
	}
	w.EndObject()
}

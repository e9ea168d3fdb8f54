package gemini

import (
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// readUsage reads usageMetadata. Each one counts everything so far, so the last
// one stands as a whole. promptTokenCount includes what came from the cache but
// not what tools added; thoughts are counted beside the candidates (API
// reference, UsageMetadata).
func readUsage(r *wire.Reader, u *llm.Usage, tier *string) {
	var prompt, tools, cached, candidates, thoughts int64
	known := false
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
		case "serviceTier":
			if *tier == "" && r.Kind() == '"' {
				*tier = strings.ToLower(r.Str())
			}
			continue
		default:
			continue
		}
		*to, known = llm.Clamp(r.Int()), true
	}
	if !known {
		return
	}
	prompt += tools
	cached = min(cached, prompt)
	*u = llm.Usage{
		Known: true, Input: prompt - cached, CacheRead: cached,
		Output: candidates + thoughts, Reasoning: thoughts,
	}
}

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

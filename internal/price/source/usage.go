package source

import (
	"slices"
	"strings"

	"turnpike/internal/price"
)

// row is what a usage type of AWS means.
type row struct {
	class     price.Class
	geo, tier string
	long      bool
}

// notTokens are the words of usage types that sell something else than tokens of
// text on demand.
var notTokens = []string{
	"reserved", "tpm", "provisioned", "provisionedthroughput", "customization", "custom", "storage", "training", "rft", "image", "images", "audio",
	"video", "speech", "second", "seconds", "guardrail", "guardrails", "search", "page", "pages", "distillation", "grounding",
}

// classify reads a usage type. It is written in three ways:
// USE1-MP:USE1_InputTokenCount_Global-Units, USE1-MP:USE1_input_tokens_standard-Units
// and USE1-Nova2.0Lite-input-tokens-priority-cross-region-global.
func classify(usage, inference, feature, tier string) (r row, reason string) {
	w := words(usage)
	for _, no := range notTokens {
		if slices.Contains(w, no) {
			return r, "not tokens of text on demand"
		}
	}
	what := w
	if !slices.ContainsFunc(w, func(s string) bool { return s == "input" || s == "output" || s == "response" || s == "cache" }) {
		what = words(inference)
	}
	if r.class, reason = classOf(what); reason != "" {
		return r, reason
	}
	all := slices.Concat(w, words(feature), words(tier))
	r.geo = price.Regional
	if slices.Contains(all, "global") {
		r.geo = "global"
	}
	r.tier = tierOf(all)
	r.long = slices.Contains(w, "lctx") || slices.Contains(w, "long") && (slices.Contains(w, "ctx") || slices.Contains(w, "context"))
	return r, ""
}

func classOf(w []string) (price.Class, string) {
	has := func(s string) bool { return slices.Contains(w, s) }
	switch {
	case !has("token") && !has("tokens"):
		return 0, "not tokens of text on demand"
	case has("cache") && has("read"):
		return price.CacheRead, ""
	case has("cache") && has("write") && has("1h"):
		return price.CacheWrite1h, ""
	case has("cache") && has("write"):
		return price.CacheWrite5m, ""
	case has("output"), has("response"):
		return price.Output, ""
	case has("input"):
		return price.Input, ""
	}
	return 0, "not tokens of text on demand"
}

func tierOf(w []string) string {
	for _, tier := range []string{price.Batch, price.Flex, price.Priority} {
		if slices.Contains(w, tier) {
			return tier
		}
	}
	if slices.Contains(w, "latency") && slices.Contains(w, "optimized") {
		return price.Latency
	}
	return price.Standard
}

// words cuts a text at everything that is no letter or digit, and where a small
// letter is followed by a capital or a digit.
func words(s string) []string {
	var out []string
	start := 0
	cut := func(end int) {
		if end > start {
			out = append(out, strings.ToLower(s[start:end]))
		}
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case !letter(c) && !digit(c):
			cut(i)
			start = i + 1
		case i > start && small(s[i-1]) && !small(c):
			cut(i)
			start = i
		}
	}
	cut(len(s))
	return out
}

func small(c byte) bool  { return c >= 'a' && c <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }
func letter(c byte) bool { return small(c) || c >= 'A' && c <= 'Z' }

package chat

import (
	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// tokens is usage as chat upstreams count it: the prompt includes what was read
// from a cache. Figures are cumulative, so the last one told is the truth, and
// one that is not told leaves the last as it was.
type tokens struct {
	known                     bool
	prompt, completion, total int64
	read, write, write1h      int64
	reasoning                 int64
	tier                      string // told beside the usage
}

// take reads one usage object.
func (t *tokens) take(r *wire.Reader) {
	if !openai.Object(r) {
		return
	}
	for name := range r.Fields() {
		switch string(name) {
		case "prompt_tokens":
			t.last(r, &t.prompt)
		case "completion_tokens":
			t.last(r, &t.completion)
		case "total_tokens":
			t.last(r, &t.total)
		case "prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens":
			// DeepSeek, Moonshot, and proxies for Claude; said beside the details or instead of them.
			t.most(r, &t.read)
		case "cache_creation_input_tokens":
			t.most(r, &t.write)
		case "prompt_tokens_details":
			t.promptDetails(r)
		case "cache_creation":
			t.lifetimes(r)
		case "completion_tokens_details":
			t.completionDetails(r)
		}
	}
}

// groq reads x_groq, where Groq keeps the usage of a stream.
func (t *tokens) groq(r *wire.Reader) {
	if !openai.Object(r) {
		return
	}
	for name := range r.Fields() {
		if string(name) == "usage" {
			t.take(r)
		}
	}
}

func (t *tokens) promptDetails(r *wire.Reader) {
	if !openai.Object(r) {
		return
	}
	for name := range r.Fields() {
		switch string(name) {
		case "cached_tokens":
			t.most(r, &t.read)
		case "cache_write_tokens", "cache_creation_tokens":
			t.most(r, &t.write)
		case "cache_creation_token_details":
			t.lifetimes(r)
		}
	}
}

func (t *tokens) lifetimes(r *wire.Reader) {
	if !openai.Object(r) {
		return
	}
	for name := range r.Fields() {
		if string(name) == "ephemeral_1h_input_tokens" {
			t.last(r, &t.write1h)
		}
	}
}

func (t *tokens) completionDetails(r *wire.Reader) {
	if !openai.Object(r) {
		return
	}
	for name := range r.Fields() {
		if string(name) == "reasoning_tokens" {
			t.most(r, &t.reasoning)
		}
	}
}

func (t *tokens) last(r *wire.Reader, field *int64) {
	t.known = openai.Figure(r, field) || t.known
}

// most keeps the larger figure: the same count is told under several names, and
// a server that fills in only one of them writes zero into the others.
func (t *tokens) most(r *wire.Reader, field *int64) {
	if n, ok := openai.Count(r); ok {
		*field, t.known = max(*field, llm.Clamp(n)), true
	}
}

// usage is what was counted, in disjoint classes.
func (t *tokens) usage() llm.Usage {
	u := llm.Usage{Known: t.known, Output: t.completion, CacheRead: t.read, Reasoning: t.reasoning, Tier: t.tier}
	u.CacheWrite1h = min(t.write1h, t.write)
	u.CacheWrite5m = t.write - u.CacheWrite1h
	u.Input = openai.Uncached(t.prompt, t.read, t.write)
	// Some servers (xAI's documentation says so of its own) leave reasoning out of
	// completion_tokens; their total gives it away.
	if t.reasoning > 0 && t.total == t.prompt+t.completion+t.reasoning {
		u.Output += t.reasoning
	}
	u.Reasoning = min(u.Reasoning, u.Output)
	return u
}

// appendUsage writes usage as OpenAI does, with cache writes under the name that
// other gateways gave them.
func appendUsage(dst []byte, u llm.Usage) []byte {
	w := wire.NewWriter(dst)
	prompt := u.Prompt()
	w.Object()
	w.IntField("prompt_tokens", prompt)
	w.IntField("completion_tokens", u.Output)
	w.IntField("total_tokens", prompt+u.Output)
	w.Key("prompt_tokens_details")
	w.Object()
	w.IntField("cached_tokens", u.CacheRead)
	if u.CacheWrite() > 0 {
		w.IntField("cache_write_tokens", u.CacheWrite())
	}
	if u.CacheWrite1h > 0 {
		w.Key("cache_creation_token_details")
		w.Object()
		w.IntField("ephemeral_5m_input_tokens", u.CacheWrite5m)
		w.IntField("ephemeral_1h_input_tokens", u.CacheWrite1h)
		w.EndObject()
	}
	w.EndObject()
	w.Key("completion_tokens_details")
	w.Object()
	w.IntField("reasoning_tokens", u.Reasoning)
	w.EndObject()
	w.EndObject()
	return w.Bytes()
}

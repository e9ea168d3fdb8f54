package responses

import (
	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// tokens is usage as Responses upstreams count it: input includes what was read
// from a cache and written to it. The last figure told is the truth, and one that
// is not told leaves the last as it was.
type tokens struct {
	known                      bool
	input, output, read, write int64
	reasoning                  int64
	tier                       string // told beside the usage
}

// take reads one usage object.
func (t *tokens) take(r *wire.Reader) {
	if !openai.Object(r) {
		return
	}
	for name := range r.Fields() {
		switch string(name) {
		case "input_tokens":
			t.last(r, &t.input)
		case "output_tokens":
			t.last(r, &t.output)
		case "input_tokens_details":
			t.details(r)
		case "output_tokens_details":
			t.details(r)
		}
	}
}

func (t *tokens) details(r *wire.Reader) {
	if !openai.Object(r) {
		return
	}
	for name := range r.Fields() {
		switch string(name) {
		case "cached_tokens":
			t.last(r, &t.read)
		case "cache_write_tokens":
			t.last(r, &t.write)
		case "reasoning_tokens":
			t.last(r, &t.reasoning)
		}
	}
}

func (t *tokens) last(r *wire.Reader, field *int64) {
	t.known = openai.Figure(r, field) || t.known
}

// usage is what was counted, in disjoint classes.
func (t *tokens) usage() llm.Usage {
	u := llm.Usage{Known: t.known, Output: t.output, CacheRead: t.read, CacheWrite5m: t.write, Tier: t.tier}
	u.Input = openai.Uncached(t.input, t.read, t.write)
	u.Reasoning = min(t.reasoning, t.output)
	return u
}

// writeUsage writes usage as OpenAI does.
func writeUsage(w *wire.Writer, u llm.Usage) {
	if !u.Known && !u.Estimated {
		w.Null()
		return
	}
	input := u.Prompt()
	w.Object()
	w.IntField("input_tokens", input)
	w.Key("input_tokens_details")
	w.Object()
	w.IntField("cached_tokens", u.CacheRead)
	w.IntField("cache_write_tokens", u.CacheWrite())
	w.EndObject()
	w.IntField("output_tokens", u.Output)
	w.Key("output_tokens_details")
	w.Object()
	w.IntField("reasoning_tokens", u.Reasoning)
	w.EndObject()
	w.IntField("total_tokens", input+u.Output)
	w.EndObject()
}

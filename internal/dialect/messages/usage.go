package messages

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// usage gathers what an answer says it used. In a stream it is told twice, and
// every figure told is the total so far: the last one counts, and one that is not
// told leaves the one before.
type usage struct {
	input, output    int64
	cacheRead        int64
	cacheWrite       int64 // all writes
	write5m, write1h int64 // their lifetimes, where they are told
	reasoning        int64
	known            bool
	tier, geo        string
	searches         int64
	fast             bool
	// compaction is what summing up an earlier conversation used. The API tells
	// it apart and leaves it out of the figures above (Anthropic API reference, usage.iterations).
	compaction llm.Usage
}

func (u *usage) read(r *wire.Reader) {
	if r.Kind() != '{' {
		r.Skip()
		return
	}
	for m := range r.Fields() {
		switch string(m) {
		case "input_tokens":
			u.known = count(r, &u.input) || u.known
		case "output_tokens":
			u.known = count(r, &u.output) || u.known
		case "cache_read_input_tokens":
			count(r, &u.cacheRead)
		case "cache_creation_input_tokens":
			count(r, &u.cacheWrite)
		case "cache_creation":
			u.split(r)
		case "output_tokens_details":
			u.details(r)
		case "iterations":
			u.iterations(r)
		case "service_tier":
			if r.Kind() == '"' {
				u.tier = r.Str()
			}
		case "inference_geo":
			u.geo = geoOf(r)
		case "speed":
			u.fast = r.Kind() == '"' && r.Str() == "fast"
		case "server_tool_use":
			u.tools(r)
		}
	}
}

func (u *usage) split(r *wire.Reader) {
	if r.Kind() != '{' {
		return
	}
	for m := range r.Fields() {
		switch string(m) {
		case "ephemeral_5m_input_tokens":
			count(r, &u.write5m)
		case "ephemeral_1h_input_tokens":
			count(r, &u.write1h)
		}
	}
}

func (u *usage) details(r *wire.Reader) {
	if r.Kind() != '{' {
		return
	}
	for m := range r.Fields() {
		if string(m) == "thinking_tokens" {
			count(r, &u.reasoning)
		}
	}
}

// tools reads how often Anthropic's own tools ran. Only searches are charged one
// by one (Anthropic pricing, web search tool).
func (u *usage) tools(r *wire.Reader) {
	if r.Kind() != '{' {
		return
	}
	for m := range r.Fields() {
		if string(m) == "web_search_requests" {
			count(r, &u.searches)
		}
	}
}

// geoOf reads where an answer was made: "us" is dearer than what may run anywhere
// (Anthropic data residency, inference_geo).
func geoOf(r *wire.Reader) string {
	if r.Kind() != '"' {
		return ""
	}
	switch geo := r.Str(); geo {
	case "global", "not_available":
		return ""
	default:
		return geo
	}
}

// served is the tier a price is for; fast mode is one in its own right.
func (u *usage) served() string {
	if u.fast {
		return llm.TierFast
	}
	return llm.TierOf([]byte(u.tier))
}

func (u *usage) iterations(r *wire.Reader) {
	if r.Kind() != '[' {
		return
	}
	u.compaction = llm.Usage{}
	for range r.Elements() {
		if r.Kind() != '{' {
			continue
		}
		kind := string(peek(*r, "type"))
		var one usage
		one.read(r)
		if kind == "compaction" {
			u.compaction = sum(u.compaction, one.canonical())
		}
	}
}

// count reads a number of tokens; anything else leaves dst as it is.
func count(r *wire.Reader, dst *int64) bool {
	if r.Kind() != '0' {
		return false
	}
	*dst = llm.Clamp(r.Int())
	return r.Err() == nil
}

// canonical is the usage in disjoint classes, as the answer's own figures are.
func (u *usage) canonical() llm.Usage {
	return llm.Usage{
		Known: u.known, Input: u.input, Output: u.output, CacheRead: u.cacheRead,
		CacheWrite5m: max(u.cacheWrite, u.write5m+u.write1h) - u.write1h, CacheWrite1h: u.write1h,
		LifeUntold: u.cacheWrite > 0 && u.write5m+u.write1h == 0,
		Reasoning:  min(u.reasoning, u.output),
		Searches:   u.searches, Tier: u.served(), Geo: u.geo,
	}
}

// whole is canonical with what the API leaves out of its figures but charges.
func (u *usage) whole() llm.Usage { return sum(u.canonical(), u.compaction) }

func sum(a, b llm.Usage) llm.Usage {
	a.Input += b.Input
	a.Output += b.Output
	a.CacheRead += b.CacheRead
	a.CacheWrite5m += b.CacheWrite5m
	a.CacheWrite1h += b.CacheWrite1h
	a.LifeUntold = a.LifeUntold || b.LifeUntold
	a.Reasoning += b.Reasoning
	a.Searches += b.Searches
	return a
}

// writeUsage writes usage as the API tells it. tier is left out where it is not
// one of Anthropic's.
func writeUsage(w *wire.Writer, u llm.Usage, tier string) {
	w.Object()
	w.IntField("input_tokens", u.Input)
	w.IntField("cache_creation_input_tokens", u.CacheWrite())
	w.IntField("cache_read_input_tokens", u.CacheRead)
	if u.CacheWrite() > 0 {
		w.Key("cache_creation")
		w.Object()
		w.IntField("ephemeral_5m_input_tokens", u.CacheWrite5m)
		w.IntField("ephemeral_1h_input_tokens", u.CacheWrite1h)
		w.EndObject()
	}
	w.IntField("output_tokens", u.Output)
	if u.Reasoning > 0 {
		w.Key("output_tokens_details")
		w.Object()
		w.IntField("thinking_tokens", u.Reasoning)
		w.EndObject()
	}
	if u.Searches > 0 {
		w.Key("server_tool_use")
		w.Object()
		w.IntField("web_search_requests", u.Searches)
		w.EndObject()
	}
	if u.Geo != "" {
		w.StrField("inference_geo", u.Geo)
	}
	switch tier {
	case "standard", "priority", "batch":
		w.StrField("service_tier", tier)
	}
	w.EndObject()
}
